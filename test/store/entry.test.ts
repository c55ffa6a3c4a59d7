import { describe, expect, test, vi } from 'vitest'
import { digestOfCid } from '../../src/blob/cid.ts'
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
    let [failing, gaveUp] = [true, false]
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: (upload) => (failing ? Promise.reject(lost()) : inner.commit(upload)),
      giveUp: async (upload) => {
        await inner.giveUp(upload)
        gaveUp = true
      },
    }))
    const blobs = place.store({ metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'MetadataFailed' })
    failing = false
    await vi.waitUntil(() => gaveUp)
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
    let gaveUp = 0
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: (upload) => {
        if (late) return inner.commit(upload)
        late = () => inner.commit(upload)
        return Promise.reject(lost())
      },
      giveUp: async (upload) => {
        await inner.giveUp(upload)
        gaveUp += 1
      },
    }))
    const blobs = place.store({ metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'MetadataFailed' })
    await vi.waitUntil(() => gaveUp === 1)
    await wait(place, blobs)
    await expect(late?.()).rejects.toMatchObject({ code: 'UploadExpired' })
    expect(await blobs.stat(alice, cid, { as: 'moderator' })).toBeNull()
    await post(blobs, alice, 'a', await blobs.upload(alice, content))
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  // Fails when the process leaves the entry at once: each upload under it would store its bytes again.
  test('is not disturbed by another one that lost the answer of its commit, and has left its entry when both have ended', async () => {
    const place = make()
    const gate = new Gate()
    const inner = place.backend()
    let [gaveUp, entered] = [false, 0]
    const numbers: unknown[] = []
    const adapter = meddleMetadata(place.metadata(), (metadata) => ({
      enter: async (process) => {
        const entry = await metadata.enter(process)
        entered += 1
        return entry
      },
      commit: (upload) => {
        numbers.push(upload.entry?.number)
        return upload.did === bob ? Promise.reject(lost()) : metadata.commit(upload)
      },
      giveUp: async (upload) => {
        await metadata.giveUp(upload)
        gaveUp = true
      },
    }))
    const puts = vi.fn()
    const blobs = place.store({
      metadata: adapter,
      backend: meddle(inner, {
        async put(key, body, options) {
          puts()
          await inner.put(key, body, options)
          if (key.startsWith(cid)) await gate.pass()
        },
      }),
    })
    const upload = blobs.upload(alice, content)
    await gate.reached
    await expect(blobs.upload(bob, bytes('lost'))).rejects.toMatchObject({ code: 'MetadataFailed' })
    await vi.waitUntil(() => entered === 2)
    await blobs.upload(alice, bytes('after'))
    expect(gaveUp).toBe(false)
    gate.open()
    await post(blobs, alice, 'a', await upload)
    expect(puts).toHaveBeenCalledTimes(3)
    const [lostOne, after, small] = numbers
    expect([after === lostOne, small === lostOne]).toEqual([false, true])
    await vi.waitUntil(() => gaveUp)
    await wait(place, blobs)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
    expect(await keysIn(place)).toHaveLength(1)
  })

  // Fails when a commit does not look whether its own key is live: it would doom it as a duplicate of itself.
  test('whose commit a driver repeats is stored once', async () => {
    const place = make()
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: async (upload) => {
        await inner.commit(upload)
        return inner.commit(upload)
      },
    }))
    const blobs = place.store({ metadata: adapter })
    await post(blobs, alice, 'a', await blobs.upload(alice, content))
    expect(await blobs.usage(alice)).toEqual({ ...settled, bytes: 5, count: 1 })
    await wait(place, blobs)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('small')
  })

  // Fails when the commit dooms what it finds under its own key: another account lives on it.
  test('whose commit a driver repeats after its account has lost the blob leaves the bytes to the others', async () => {
    const place = make()
    let first: (() => Promise<unknown>) | undefined
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: (upload) => {
        first ??= () => inner.commit(upload)
        return inner.commit(upload)
      },
    }))
    const blobs = place.store({ metadata: adapter })
    await blobs.upload(alice, content)
    await post(blobs, bob, 'b', await blobs.upload(bob, content))
    await blobs.deleteAccount(alice)
    await blobs.reopenAccount(alice)
    await expect(first?.()).rejects.toMatchObject({ code: 'UploadExpired' })
    await wait(place, blobs)
    expect(await text((await blobs.read(bob, cid)).body)).toBe('small')
  })

  // Fails when `leave` does not wait for what is under way: another row would count as a process for five minutes.
  test('whose answer was lost just before the store closes leaves no entry', async () => {
    const place = make()
    const gate = new Gate()
    let entries = 0
    const left = new Set<string>()
    const adapter = meddleMetadata(place.metadata(), (inner) => ({
      commit: () => Promise.reject(lost()),
      enter: async (process) => {
        entries += 1
        if (entries === 2) await gate.pass()
        return inner.enter(process)
      },
      leave: (id) => {
        left.add(id)
        return inner.leave(id)
      },
    }))
    const blobs = place.store({ metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'MetadataFailed' })
    await gate.reached
    const closed = blobs.close()
    gate.open()
    await closed
    expect([entries, left.size]).toEqual([2, 2])
  })

  // Fails when the second attempt's own error hides why there was one.
  test('whose entry was closed says so, even if what it gave up fills the quota', async () => {
    const place = make()
    const adapter = meddleMetadata(place.metadata(), () => ({
      commit: () => Promise.reject(new BlobStoreError('UploadExpired', 'closed', { transient: true })),
    }))
    const blobs = place.store({ limits: { accept: ['*/*'], quota: { pendingBytes: 4 } }, metadata: adapter })
    await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'UploadExpired' })
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, pending: 5 })
  })

  test('whose key was given up is not committed any more, although its entry is open', async () => {
    const place = make()
    let late: Commit | undefined
    let steps: Metadata | undefined
    const adapter = meddleMetadata(place.metadata(), (inner) => {
      steps = inner
      return {
        commit: (upload) => {
          late = upload
          return inner.commit(upload)
        },
      }
    })
    const blobs = place.store({ limits: { accept: ['*/*'], quota: { bytes: 6 } }, metadata: adapter })
    await blobs.upload(alice, content)
    const [entry] = [late?.entry]
    const key = `${cidOfBytes(bytes('other'))}.${entry?.number}-aaaaaaaaaaaaaaaa`
    const upload = { ...(late as Commit), did: bob, cid: cidOfBytes(bytes('other')), key }
    await steps?.giveUp(upload)
    await expect(steps?.commit(upload)).rejects.toMatchObject({ code: 'UploadExpired' })
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

  // Fails when what is in doubt is not tried again: the sweep would find it only after the process has ended.
  test('that could not be given up is given up at the next renewal', async () => {
    const renewal = vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const place = make()
      let [broken, gaveUp] = [true, false]
      const warn = vi.fn()
      const inner = place.backend()
      const adapter = meddleMetadata(place.metadata(), (metadata) => ({
        giveUp: async (upload) => {
          if (broken) throw lost()
          await metadata.giveUp(upload)
          gaveUp = true
        },
      }))
      const blobs = place.store({
        logger: { info() {}, warn, error() {} },
        metadata: adapter,
        backend: meddle(inner, {
          async put(key, body, options) {
            await inner.put(key, body, options)
            throw new BlobStoreError('StorageFailed', 'the answer was lost')
          },
        }),
      })
      await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'StorageFailed' })
      await vi.waitUntil(() => warn.mock.calls.some(([, message]) => message.includes('this is tried again')))
      expect(await keysIn(place)).toHaveLength(1)
      broken = false
      renewal.advanceTimersByTime(60_000)
      await vi.waitUntil(() => gaveUp)
      await wait(place, blobs)
      expect(await keysIn(place)).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })

  test('that can never be given up does not hold up another', async () => {
    const renewal = vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const place = make()
      let broken = true
      const gaveUp: string[] = []
      const inner = place.backend()
      const adapter = meddleMetadata(place.metadata(), (metadata) => ({
        giveUp: async (upload) => {
          if (broken || upload.did === alice) throw lost()
          await metadata.giveUp(upload)
          gaveUp.push(upload.did)
        },
      }))
      const bothStored = new Gate()
      let stored = 0
      const blobs = place.store({
        metadata: adapter,
        backend: meddle(inner, {
          async put(key, body, options) {
            await inner.put(key, body, options)
            if (++stored === 2) bothStored.open()
            await bothStored.pass()
            throw new BlobStoreError('StorageFailed', 'the answer was lost')
          },
        }),
      })
      await Promise.allSettled([blobs.upload(alice, content), blobs.upload(bob, content)])
      broken = false
      const minute = () => {
        renewal.advanceTimersByTime(60_000)
        return gaveUp.includes(bob)
      }
      await vi.waitUntil(minute, { timeout: 10_000 })
    } finally {
      vi.useRealTimers()
    }
  })

  test('begins under another entry every day, so that a sweep finds what came late under the former', async () => {
    const renewal = vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const place = make()
      const entered = vi.fn()
      const adapter = meddleMetadata(place.metadata(), (metadata) => ({
        enter: async (process) => {
          const entry = await metadata.enter(process)
          entered(process.id)
          return entry
        },
        leave: (id) => {
          entered(`left ${id}`)
          return metadata.leave(id)
        },
      }))
      const blobs = place.store({ metadata: adapter })
      await blobs.upload(alice, content)
      const [first] = await keysIn(place)
      renewal.advanceTimersByTime(60_000)
      await vi.waitUntil(() => entered.mock.calls.length === 2)
      const started = performance.now()
      vi.spyOn(performance, 'now').mockReturnValue(started + day + 1)
      renewal.advanceTimersByTime(60_000)
      const id = entered.mock.calls[0]?.[0]
      await vi.waitUntil(() => entered.mock.calls.some(([text]) => text === `left ${id}`))
      await blobs.upload(bob, bytes('later'))
      const later = (await keysIn(place)).find((key) => key !== first)
      expect(numberOf(later)).not.toBe(numberOf(first))
      // A put of the first day that comes late.
      const late = `${cid}.${numberOf(first)}-aaaaaaaaaaaaaaaa`
      await place.backend().put(late, { size: 5, sha256: digestOfCid(cid), chunks: [content] })
      expect(await blobs.sweep()).toMatchObject({ orphans: 1 })
    } finally {
      vi.restoreAllMocks()
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
