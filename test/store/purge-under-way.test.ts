import { describe, expect, test, vi } from 'vitest'
import { type BlobStore, BlobStoreError, type BlobStoreHooks, cidOfBytes, DiskBackend } from '../../src/index.ts'
import { meddle, meddleMetadata } from '../support/meddling.ts'
import { type Place, places, temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, hour, post } from '../support/samples.ts'
import { bad, cid, keysOf, latest, posted } from './purging.ts'

// What is under way while its bytes are purged: uploads, and the store's own copies.

describe.each(places)('a resumable upload with bytes that are purged in $name', ({ make }) => {
  const limits = { accept: ['*/*'] }

  // Fails when a part is only looked for among the purges of all.
  test('is refused for the account, and for others only if they are purged for all', async () => {
    const blobs = make().store({ limits })
    const { resumable } = blobs
    const append = async (did: string) => resumable.append(did, (await resumable.create(did)).id, 0, bad)
    await blobs.purge(alice, cid)
    await expect(append(alice)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    expect((await append(bob)).offset).toBe(bad.length)
    await blobs.purge('*', cid)
    await expect(append(bob)).rejects.toMatchObject({ code: 'BlobTakenDown' })
  })

  test('is ended by a purge of its account, which a collection finishes', async () => {
    const place = make()
    const blobs = place.store({ limits })
    const { id } = await blobs.resumable.create(alice, { size: 1000 })
    await blobs.resumable.append(alice, id, 0, bad)
    const other = await blobs.resumable.create(alice)
    await blobs.resumable.append(alice, other.id, 0, bytes('harmless'))
    expect(await blobs.purge(alice, cid)).toMatchObject({ uploads: 1, goneAt: null })
    expect(await blobs.resumable.stat(alice, id)).toBeNull()
    await blobs.collect()
    await blobs.collect()
    expect(await latest(blobs)).toMatchObject({ goneAt: expect.any(Date) })
    expect(await keysOf(place)).toEqual([])
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 8 })
    expect((await blobs.resumable.finish(alice, other.id)).size).toBe(8)
  })

  // Fails when a row without an account counts for a purge of any.
  test('of another account does not keep a purge open', async () => {
    const blobs = make().store({ limits })
    await posted(blobs, alice)
    const { id } = await blobs.resumable.create(bob)
    await blobs.resumable.append(bob, id, 0, bad)
    expect(await blobs.purge(alice, cid)).toMatchObject({ uploads: 0, goneAt: expect.any(Date) })
    expect((await blobs.resumable.finish(bob, id)).size).toBe(bad.length)
  })

  test('is refused if the purge comes while the bytes are stored, and they go with the next collection', async () => {
    const place = make()
    const inner = place.backend()
    const blobs: BlobStore = place.store({
      limits,
      backend: meddle(inner, {
        async put(key, body) {
          await inner.put(key, body)
          await blobs.purge(alice, cid)
        },
      }),
    })
    const { id } = await blobs.resumable.create(alice)
    await expect(blobs.resumable.append(alice, id, 0, bad)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await blobs.collect()
    expect(await keysOf(place)).toEqual([])
  })
})

describe.each(places)('an upload that is under way while its bytes are purged in $name', ({ make }) => {
  /** A store where something happens once the bytes are stored, and before the commit. */
  function between(place: Place, what: (blobs: BlobStore) => Promise<unknown>): BlobStore {
    let done = false
    const hooks: BlobStoreHooks = {
      async inspect() {
        if (!done) await what(blobs)
        done = true
        return undefined
      },
    }
    const blobs = place.store({ hooks })
    return blobs
  }

  // Fails when `endPurge` takes no notice of uploads, or a refused one keeps its bytes for as long as any other.
  test.each(['refuse', 'store'] as const)(
    'is refused, and its bytes go with the next collection: %s',
    async (takenDown) => {
      const place = make()
      let report: unknown
      const blobs = between(place, async (store) => {
        report = await store.purge('*', cid)
        expect((await keysOf(place)).length).toBe(1)
      })
      await expect(blobs.upload(alice, bad, { takenDown })).rejects.toMatchObject({ code: 'BlobTakenDown', cid })
      expect(report).toMatchObject({ uploads: 1, goneAt: null, keys: 0 })
      expect(await blobs.stat(alice, cid, { as: 'moderator' })).toBeNull()
      await blobs.collect()
      expect(await keysOf(place)).toEqual([])
      expect(await latest(blobs)).toMatchObject({ keys: 1, goneAt: new Date(place.clock.now()) })
    },
  )

  // On PostgreSQL one may be announced in the very moment of the purge. Fails when it keeps the delay of any other.
  test('and unknown to the purge goes with the next collection all the same', async () => {
    const place = make()
    const adapter = place.metadata()
    const blobs: BlobStore = place.store({
      metadata: meddleMetadata(adapter, () => ({ awaitUploads: async () => 0 })),
      hooks: {
        async inspect() {
          expect(await blobs.purge('*', cid)).toMatchObject({ goneAt: expect.any(Date) })
          return undefined
        },
      },
    })
    await expect(blobs.upload(alice, bad)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    expect((await keysOf(place)).length).toBe(1)
    await blobs.collect()
    expect(await keysOf(place)).toEqual([])
  })

  // Fails when `deleteKeys` drops a tombstone whose delay is not over: no row would know of the bytes.
  test('and was given up leaves a tombstone, since it may still write', async () => {
    const place = make()
    const inner = place.backend()
    const late = Promise.withResolvers<void>()
    const blobs = place.store({
      backend: meddle(inner, {
        put(key, body) {
          // The answer is lost, and the request goes on.
          void late.promise.then(() => inner.put(key, body))
          return Promise.reject(new BlobStoreError('StorageFailed', 'no answer'))
        },
      }),
    })
    await expect(blobs.upload(alice, bad)).rejects.toMatchObject({ code: 'StorageFailed' })
    expect(await blobs.purge('*', cid)).toMatchObject({ uploads: 0, goneAt: expect.any(Date) })
    late.resolve()
    await vi.waitUntil(async () => (await keysOf(place)).length > 0)
    place.clock.advance(3 * hour)
    await blobs.collect()
    expect(await keysOf(place)).toEqual([])
  })

  test('of another account is not refused by the purge of one', async () => {
    const place = make()
    const blobs = between(place, (store) => store.purge(bob, cid))
    await blobs.upload(alice, bad)
    expect(await latest(blobs)).toMatchObject({ did: bob, sharedWithOthers: false })
    expect(await blobs.stat(alice, cid, { as: 'account' })).not.toBeNull()
  })

  test.each([1, 2, 3])('never brings them back, in many rounds: seed %i', async (seed) => {
    const place = make()
    const blobs = place.store({ hooks: { inspect: async () => undefined } })
    for (let round = 0; round < 8; round++) {
      const content = bytes(`illegal ${seed} ${round}`)
      const [own, dids] = [cidOfBytes(content), [alice, bob, 'did:plc:carol', 'did:plc:dan']]
      await post(blobs, alice, `r${round}`, await blobs.upload(alice, content))
      const uploads = Promise.allSettled(
        dids.map(async (did, at) => {
          for (let turn = 0; turn < (seed * at + round) % 4; turn++) await new Promise(setImmediate)
          const takenDown = at % 2 === 0 ? ('store' as const) : ('refuse' as const)
          return blobs.upload(did, content, { takenDown })
        }),
      )
      for (let turn = 0; turn < (seed * round) % 5; turn++) await new Promise(setImmediate)
      await blobs.purge('*', own)
      for (const one of await uploads) {
        if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'BlobTakenDown' })
      }
      for (const did of dids) expect(await blobs.stat(did, own, { as: 'moderator' })).toBeNull()
      await blobs.collect()
      expect((await place.backend().list()).keys, `round ${round}`).toEqual([])
    }
    for (const { goneAt } of (await blobs.listPurges()).items) expect(goneAt).not.toBeNull()
    place.clock.advance(3 * day)
    await blobs.collect()
    expect((await blobs.scrub({ olderThan: 0 })).recounted).toEqual([])
  })
})

describe.each(places.slice(1))('an upload whose process dies while its bytes are purged in $name', ({ make }) => {
  test('is waited for until its lease is over', async () => {
    const place = make()
    const blobs = place.store()
    await blobs.ready()
    const [stored, killed] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()]
    const commit = () => {
      stored.resolve()
      return killed.promise
    }
    const hooks = { inspect: async () => undefined }
    const dying = place.store({ hooks, metadata: meddleMetadata(place.metadata(), () => ({ commit })) })
    const dead = dying.upload(alice, bad).catch(() => {})
    await stored.promise
    expect(await blobs.purge('*', cid)).toMatchObject({ uploads: 1, goneAt: null })
    await blobs.collect()
    expect(await latest(blobs)).toMatchObject({ goneAt: null })
    expect((await keysOf(place)).length).toBe(1)
    place.clock.advance(3 * hour)
    await blobs.collect()
    await blobs.collect()
    expect(await keysOf(place)).toEqual([])
    expect((await latest(blobs))?.goneAt).not.toBeNull()
    killed.reject(new Error('killed'))
    await dead
  })
})

describe.each(places.slice(1))('a move between two backends in $name', ({ make }) => {
  /** Two backends: while the store moves from one to the other. */
  function moving(place: Place, onOpen: (blobs: BlobStore) => Promise<unknown>) {
    const old = place.backend()
    const fresh = new DiskBackend({ root: temporaryFolder(), name: 'new', durability: 'relaxed' })
    let opened = false
    const source = meddle(old, {
      async get(key, options) {
        const object = await old.get(key, options)
        if (!opened) {
          opened = true
          await onOpen(blobs)
        }
        return object
      },
    })
    const all = { [old.name]: source, new: fresh }
    const blobs = place.store({ backend: { write: 'new', all } })
    return { blobs, fresh, old }
  }

  // Fails when `announceUpload` lets copies of purged bytes come to be, or `finishPurge` looks into one backend.
  test('copies nothing that is purged meanwhile', async () => {
    const place = make()
    const before = place.store()
    await posted(before, alice)
    await before.close()
    const { blobs, fresh, old } = moving(place, (store) => store.purge('*', cid))
    await blobs.ready()
    const report = await blobs.migrate()
    expect(report).toMatchObject({ moved: 0, findings: [] })
    expect((await old.list()).keys).toEqual([])
    expect((await fresh.list()).keys).toEqual([])
    expect(await latest(blobs)).toMatchObject({ goneAt: expect.any(Date) })
  })

  test('leaves two copies for the delete delay, and a purge deletes both', async () => {
    const place = make()
    const before = place.store()
    await posted(before, alice)
    await before.close()
    const { blobs, fresh, old } = moving(place, async () => {})
    expect(await blobs.migrate()).toMatchObject({ moved: 1 })
    expect([(await old.list()).keys.length, (await fresh.list()).keys.length]).toEqual([1, 1])
    expect(await blobs.purge('*', cid)).toMatchObject({ keys: 2, remainingKeys: 0 })
    expect([(await old.list()).keys, (await fresh.list()).keys]).toEqual([[], []])
  })
})

describe.each(places)('a scrub of $name', ({ make }) => {
  test('takes no copy of what is purged meanwhile', async () => {
    const place = make()
    const blobs = place.store()
    await posted(blobs, alice)
    const [key = ''] = await keysOf(place)
    await place.backend().delete([key])
    const report = await blobs.scrub({
      olderThan: 0,
      async copyOf() {
        await blobs.purge('*', cid)
        return bad
      },
    })
    expect(report.findings).toMatchObject([{ repaired: false }])
    await blobs.collect()
    expect(await keysOf(place)).toEqual([])
  })
})
