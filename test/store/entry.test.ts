import { describe, expect, test, vi } from 'vitest'
import { type BlobStore, BlobStoreError, cidOfBytes } from '../../src/index.ts'
import type { Commit } from '../../src/metadata/contract/uploads.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { Gate, meddle, meddleMetadata } from '../support/meddling.ts'
import { type Place, places } from '../support/places.ts'
import { alice, bob, bytes, day, post, text } from '../support/samples.ts'

// Small uploads have no row before their bytes: the entry of their process knows what is stored under its number. Each of
// these fails when a commit does not ask for its entry, or a sweep does not know of entries.

const content = bytes('small')
const cid = cidOfBytes(content)
const overLease = 6 * 60_000
const settled = { bytes: 0, count: 0, reserved: 0, pending: 0 }

const keysIn = async (place: Place): Promise<readonly string[]> => (await place.backend().list()).keys

/** Everything that may be deleted is; without a sweep, unless the process died. */
async function wait(place: Place, blobs: BlobStore, died = false): Promise<void> {
  for (let round = 0; round < 3; round++) {
    place.clock.advance(2 * day)
    if (died) await blobs.sweep()
    await blobs.collect()
  }
  expect(await blobs.sweep()).toMatchObject({ orphans: 0 })
}

/** Another process opens the store when the lease of the first is over, and so takes it for dead. */
async function takeForDead(place: Place): Promise<BlobStore> {
  place.clock.advance(overLease)
  const other = place.store()
  await other.ready()
  return other
}

/** A store where something happens once the bytes of the first upload are stored, and before its commit. */
function between(place: Place, what: () => Promise<unknown>, metadata = place.metadata()): BlobStore {
  const inner = place.backend()
  let done = false
  return place.store({
    metadata,
    backend: meddle(inner, {
      async put(key, body, options) {
        await inner.put(key, body, options)
        if (!done) await what()
        done = true
      },
    }),
  })
}

describe.each(places)('a small upload to $name', ({ make }) => {
  test('stores nothing when the account is deleted before the commit', async () => {
    const place = make()
    const blobs: BlobStore = between(place, () => blobs.deleteAccount(alice))
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'AccountDeleted', did: alice })
    await wait(place, blobs)
    expect([await keysIn(place), await blobs.usage(alice)]).toEqual([[], settled])
  })

  test('stores nothing when the blob is taken down before the commit', async () => {
    const place = make()
    const blobs: BlobStore = between(place, () => blobs.takedown(alice, cid))
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'BlobTakenDown', cid })
    await wait(place, blobs)
    expect([await keysIn(place), await blobs.usage(alice)]).toEqual([[], settled])
  })

  test('that is purged before the commit is refused, and its bytes go with the next collection', async () => {
    const place = make()
    const blobs: BlobStore = between(place, () => blobs.purge('*', cid))
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'BlobTakenDown', cid })
    expect(await keysIn(place)).toHaveLength(1)
    await blobs.collect()
    expect([await keysIn(place), await blobs.usage(alice)]).toEqual([[], settled])
  })

  test('that is refused for good stores no bytes at all', async () => {
    const place = make()
    const put = vi.fn()
    const blobs = place.store({
      limits: { accept: ['*/*'], quota: { bytes: 4 } },
      backend: meddle(place.backend(), { put }),
    })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'QuotaExceeded' })
    const purged = bytes('bad')
    await blobs.purge('*', cidOfBytes(purged))
    await expect(blobs.upload(alice, purged)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await blobs.deleteAccount(bob)
    await expect(blobs.upload(bob, bytes('x'))).rejects.toMatchObject({ code: 'AccountDeleted' })
    expect(put).not.toHaveBeenCalled()
  })

  test.each([
    ['bytes', { bytes: 9 }],
    ['blobs', { blobs: 1 }],
    ['temporary blobs', { temporaryBlobs: 1 }],
  ])('that reaches the quota of %s together with another leaves nothing', async (_, quota) => {
    const place = make()
    const inner = place.backend()
    const gate = new Gate()
    let count = 0
    const blobs = place.store({
      limits: { accept: ['*/*'], quota },
      backend: meddle(inner, {
        async put(key, body, options) {
          await inner.put(key, body, options)
          if (++count === 2) gate.open()
          await gate.pass() // both were admitted, and both are stored
        },
      }),
    })
    const two = await Promise.allSettled([blobs.upload(alice, content), blobs.upload(alice, bytes('other'))])
    const refused = two.filter((one) => one.status === 'rejected').map(({ reason }) => reason.code)
    expect(refused).toEqual(['QuotaExceeded'])
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 5, count: 1, pending: 5 })
    await wait(place, blobs)
    expect([await keysIn(place), await blobs.usage(alice)]).toEqual([[], settled])
  })

  test('is not the sweep’s before its commit, whatever the deletion limit says', async () => {
    const place = make()
    const blobs: BlobStore = between(place, async () => {
      expect(await blobs.sweep({ force: true })).toMatchObject({ keys: 1, orphans: 0 })
      place.clock.advance(2 * day)
      await blobs.collect()
    })
    await post(blobs, alice, 'a', await blobs.upload(alice, content))
    await wait(place, blobs)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  test('whose commit fails, and was not done, is tried again by the client, and leaves nothing else', async () => {
    const place = make()
    let failing = true
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: (upload) => (failing ? Promise.reject(lost()) : inner.commit(upload)),
    }))
    const blobs = place.store({ metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'MetadataFailed' })
    failing = false
    await post(blobs, alice, 'a', await blobs.upload(alice, content))
    await wait(place, blobs)
    expect(await keysIn(place)).toHaveLength(1)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  // Fails when `giveUp` does not look whether the key is live.
  test('whose commit was done, but its answer was lost, keeps its bytes', async () => {
    const place = make()
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: async (upload) => {
        await inner.commit(upload)
        throw lost()
      },
    }))
    const blobs = place.store({ metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'MetadataFailed' })
    await post(blobs, alice, 'a', { $type: 'blob', ref: { $link: cid }, mimeType: 'application/octet-stream', size: 5 })
    await wait(place, blobs)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  // Fails when the process does not leave its entry before it gives the key up.
  test('whose commit comes late, after its process gave it up, is not stored', async () => {
    const place = make()
    let late: (() => Promise<unknown>) | undefined
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: (upload) => {
        if (late) return inner.commit(upload)
        late = () => inner.commit(upload)
        return Promise.reject(lost())
      },
    }))
    const blobs = place.store({ metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'MetadataFailed' })
    await wait(place, blobs)
    await expect(late?.()).rejects.toMatchObject({ code: 'UploadExpired' })
    expect(await blobs.stat(alice, cid, { as: 'moderator' })).toBeNull()
    await post(blobs, alice, 'a', await blobs.upload(alice, content))
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  test('that ran while another one lost the answer of its commit stores its bytes again', async () => {
    const place = make()
    const gate = new Gate()
    const inner = place.backend()
    const adapter = meddleMetadata(place.metadata(), (metadata) => ({
      commit: (upload) => (upload.did === bob ? Promise.reject(lost()) : metadata.commit(upload)),
    }))
    const blobs = place.store({
      metadata: adapter,
      backend: meddle(inner, {
        async put(key, body, options) {
          await inner.put(key, body, options)
          if (key.startsWith(cid)) await gate.pass()
        },
      }),
    })
    const upload = blobs.upload(alice, content)
    await gate.reached
    await expect(blobs.upload(bob, bytes('lost'))).rejects.toMatchObject({ code: 'MetadataFailed' })
    gate.open()
    await post(blobs, alice, 'a', await upload)
    expect(await keysIn(place)).toHaveLength(3)
    await wait(place, blobs)
    expect(await keysIn(place)).toHaveLength(1)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  // Fails without `deleteNow`: each upload would leave bytes until a sweep.
  test('that a database takes no writes for leaves no bytes', async () => {
    const place = make()
    const full = new BlobStoreError('StorageFull', 'no space')
    const refuse = () => Promise.reject(full)
    const adapter = meddleMetadata(place.metadata(), () => ({ commit: refuse, giveUp: refuse }))
    const blobs = place.store({ metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toBe(full)
    expect(await keysIn(place)).toEqual([])
  })

  // Fails without `renewSoon`: the sweep finds them only after the process has ended.
  test('that could not be given up is found by a sweep, once the process has renewed its entry', async () => {
    const renewal = vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const place = make()
      let broken = true
      const warn = vi.fn()
      const inner = place.backend()
      const adapter = meddleMetadata(place.metadata(), (metadata) => ({
        giveUp: (upload) => (broken ? Promise.reject(lost()) : metadata.giveUp(upload)),
      }))
      const blobs = place.store({
        logger: { info() {}, warn, error() {} },
        metadata: adapter,
        backend: meddle(inner, {
          async put(key, body, options) {
            await inner.put(key, body, options)
            if (broken) throw new BlobStoreError('StorageFailed', 'the answer was lost')
          },
        }),
      })
      await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'StorageFailed' })
      expect(warn.mock.calls.at(-1)?.[1]).toContain('could not be undone')
      broken = false
      expect(await blobs.sweep({ force: true })).toMatchObject({ keys: 1, orphans: 0 })
      renewal.advanceTimersByTime(60_000)
      await vi.waitUntil(async () => (await blobs.sweep({ force: true })).orphans === 1)
      await wait(place, blobs, true)
      expect(await keysIn(place)).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe.each(places.slice(1))('when another process takes one that uploads to $name for dead', ({ make }) => {
  test('the upload stores its bytes again, under another number, and leaves nothing else', async () => {
    const place = make()
    const blobs = between(place, () => takeForDead(place))
    await post(blobs, alice, 'a', await blobs.upload(alice, content))
    const [first, second] = await keysIn(place)
    expect(numberOf(first)).not.toBe(numberOf(second))
    await wait(place, blobs)
    expect(await keysIn(place)).toHaveLength(1)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  test('what it leaves is the sweep’s, and a late commit finds no entry', async () => {
    const place = make()
    let late: Commit | undefined
    const killed = Promise.withResolvers<never>()
    const dying = place.store({
      metadata: meddleMetadata(place.metadata(), () => ({
        commit: (upload) => {
          late = upload
          return killed.promise
        },
      })),
    })
    const dead = dying.upload(alice, content).catch(() => {})
    await vi.waitUntil(() => late !== undefined)
    const other = place.store()
    await other.ready()
    expect(await other.sweep({ force: true })).toMatchObject({ keys: 1, orphans: 0 })
    place.clock.advance(overLease)
    expect(await other.sweep({ force: true })).toMatchObject({ keys: 1, orphans: 1 })
    const metadata: Metadata = await place.metadata().open()
    await expect(metadata.commit(late as Commit)).rejects.toMatchObject({ code: 'UploadExpired', transient: true })
    await metadata.close()
    await wait(place, other, true)
    expect([await keysIn(place), await other.usage(alice)]).toEqual([[], settled])
    killed.reject(new Error('killed'))
    await dead
  })

  test('again and again, it gives up, and leaves nothing', async () => {
    const place = make()
    const inner = place.backend()
    const others: BlobStore[] = []
    const blobs = place.store({
      backend: meddle(inner, {
        async put(key, body, options) {
          await inner.put(key, body, options)
          others.push(await takeForDead(place))
        },
      }),
    })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'UploadExpired', transient: true })
    expect(others).toHaveLength(3)
    await wait(place, blobs)
    expect([await keysIn(place), await blobs.usage(alice)]).toEqual([[], settled])
  })

  // Fails when `retireBackend` does not close the entries whose lease is over.
  test('and its backend is retired meanwhile, nothing of it becomes live', async () => {
    const place = make()
    const old = place.backend()
    const gate = new Gate()
    const blobs = place.store({
      backend: meddle(old, {
        async put(key, body, options) {
          await old.put(key, body, options)
          await gate.pass()
        },
      }),
    })
    const upload = blobs.upload(alice, content)
    const refused = expect(upload).rejects.toMatchObject({ code: 'StoreMismatch' })
    await gate.reached
    place.clock.advance(overLease)
    const metadata = await place.metadata().open()
    expect(await metadata.retireBackend(old.name)).toMatchObject({ content: false, uploads: false, writers: 0 })
    await metadata.close()
    gate.open()
    await refused
    expect(await blobs.stat(alice, cid, { as: 'moderator' })).toBeNull()
    expect(await blobs.usage(alice)).toEqual(settled)
  })
})

const numberOf = (key: string | undefined): string | undefined => key?.split('.')[1]?.split('-')[0]

const lost = (): BlobStoreError => new BlobStoreError('MetadataFailed', 'the answer was lost', { transient: true })
