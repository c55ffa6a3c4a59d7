import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type BlobBackend, type BlobRef, type BlobStore, BlobStoreError, cidOfBytes } from '../../src/index.ts'
import { Gate, meddle, meddleMetadata } from '../support/meddling.ts'
import { hostPlace, memoryPlace, places } from '../support/places.ts'
import { alice, bob, bytes, day, friends, hour, nextRev, post, text, uriIn, uriOf } from '../support/samples.ts'

// What others do between two steps of maintenance, and what maintenance cannot know. Fails when a step acts on what it
// read before, instead of checking in its own transaction whether that still holds.

const everything = { olderThan: 0 }
const settled = { bytes: 0, count: 0, reserved: 0, pending: 0 }

describe.each(places)('collecting on $name', ({ make }) => {
  test('counts a dead upload once, even if another process has collected it meanwhile', async () => {
    const { store, clock, metadata, backend } = make()
    const inner = backend()
    const gate = new Gate()
    onTestFinished(() => gate.open())
    let twice: (did: string | null, key: string) => Promise<unknown> = async () => {}
    const blobs = store({
      hooks: { inspect: async () => undefined }, // so the upload has a row of its own
      backend: meddle(inner, {
        put: async (key, body, options) => {
          await gate.pass()
          await inner.put(key, body, options)
        },
      }),
      metadata: meddleMetadata(metadata(), (steps) => {
        twice = (did, key) => steps.collectUpload(did, key, { unusedDelay: 0 })
        return {
          expiredUploads: async (limit) => {
            const expired = await steps.expiredUploads(limit)
            for (const { did, key } of expired) await twice(did, key)
            return expired
          },
        }
      }),
    })
    const upload = blobs.upload(alice, bytes('never ends'))
    const refused = expect(upload).rejects.toMatchObject({ code: 'UploadExpired' })
    await gate.reached
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 10 })
    clock.advance(2 * hour)
    expect(await blobs.collect()).toMatchObject({ expiredUploads: 0 })
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 0 })
    gate.open()
    await refused
  })

  test('keeps a blob that was renewed or referenced after it was found to have expired', async () => {
    const { store, clock, metadata } = make()
    let meanwhile: () => Promise<unknown> = async () => {}
    const blobs: BlobStore = store({
      metadata: meddleMetadata(metadata(), (steps) => ({
        expiredBlobs: async (page) => {
          const expired = await steps.expiredBlobs(page)
          await meanwhile()
          meanwhile = async () => {}
          return expired
        },
      })),
    })
    const contents = ['prolonged', 'referenced', 'gone'].map(bytes)
    const refs: BlobRef[] = []
    for (const content of contents) refs.push(await blobs.upload(alice, content))
    clock.advance(2 * day)
    meanwhile = async () => {
      await blobs.upload(alice, contents[0] as Uint8Array)
      await post(blobs, alice, 'a', refs[1])
    }
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    const held = (await blobs.listAll(alice)).items.map(({ cid }) => cid)
    expect(held.sort()).toEqual([refs[0], refs[1]].map((ref) => `${ref?.ref}`).sort())
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    expect(await text((await blobs.read(alice, refs[1]?.ref as never)).body)).toBe('referenced')
  })

  test('continues after a backend that throws something that is not an error', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    const warn = vi.fn()
    const blobs = store({
      logger: { info() {}, warn, error() {} },
      backend: meddle(inner, { delete: () => Promise.reject('gone fishing') }),
    })
    await blobs.upload(alice, bytes('x'))
    clock.advance(2 * day)
    await blobs.collect()
    clock.advance(2 * day)
    warn.mockClear()
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 0, failedKeys: 1, waitingKeys: 1 })
    expect(warn.mock.calls[0]?.[0]).toMatchObject({ err: { message: 'gone fishing' } })
    expect(await blobs.collect(), 'not before ten minutes').toMatchObject({ failedKeys: 0, waitingKeys: 1 })
    clock.advance(10 * 60_000)
    expect(await blobs.collect()).toMatchObject({ failedKeys: 1, waitingKeys: 1 })
  })
})

test('collecting keeps the tombstones of a backend that this store does not have, and says so', async () => {
  const { store, db, clock } = hostPlace()
  if (db === undefined) throw new Error('no host')
  const blobs = store()
  await blobs.ready()
  const row = { key: 'zz', backend: 'tape', did: null, size: 1, not_before: 0, attempts: 0, last_error: null }
  await db
    .insertInto('blobstore_doomed' as never)
    .values(row as never)
    .execute()
  expect(await blobs.collect()).toMatchObject({ deletedKeys: 0, failedKeys: 1, waitingKeys: 1 })
  const rows = await db
    .selectFrom('blobstore_doomed' as never)
    .selectAll()
    .execute()
  expect(rows).toMatchObject([{ key: 'zz', attempts: 1, last_error: expect.stringContaining('the backend tape') }])
  clock.advance(day)
  expect(await blobs.collect()).toMatchObject({ failedKeys: 1, waitingKeys: 1 })
})

describe.each(places)('scrubbing on $name', ({ make }) => {
  test('reports no damage of bytes that were replaced and deleted while it read', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    let meanwhile: () => Promise<unknown> = async () => {}
    const blobs: BlobStore = store({
      times: { fresh: 0 },
      backend: meddle(inner, {
        get: async (key, options) => {
          await meanwhile()
          return inner.get(key, options)
        },
      }),
    })
    const ref = await blobs.upload(alice, bytes('replaced'))
    await post(blobs, alice, 'a', ref)
    meanwhile = async () => {
      meanwhile = async () => {}
      clock.advance(1)
      await blobs.upload(bob, bytes('replaced'))
      clock.advance(2 * day)
      expect(await blobs.collect()).toMatchObject({ deletedKeys: 1 })
    }
    expect(await blobs.scrub(everything)).toMatchObject({ objects: 1, findings: [] })
    expect(await blobs.scrub(everything)).toMatchObject({ objects: 1, findings: [] })
  })

  test('does not take a failing backend for damage, and requests no copy', async () => {
    const { store, backend, clock } = make()
    const inner = backend()
    let error: unknown = new BlobStoreError('StorageFailed', 'EIO', { transient: true })
    const blobs = store({ backend: meddle(inner, { get: () => Promise.reject(error) }) })
    const ref = await blobs.upload(alice, bytes('unreadable'))
    const cid = ref.ref.toString()
    const copyOf = vi.fn(async () => bytes('unreadable'))
    const findings = async () => (await blobs.scrub({ ...everything, copyOf })).findings
    expect(await findings()).toMatchObject([{ cid, problem: 'unreadable', repaired: false }])
    expect(copyOf).not.toHaveBeenCalled()
    error = new BlobStoreError('BlobDamaged', 'it ends too early')
    expect(await findings()).toMatchObject([{ cid, problem: 'wrongSize', repaired: true }])
    expect(copyOf).toHaveBeenCalledOnce()
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ expiredUploads: 0 })
  })

  /** A store whose only blob is damaged, and whose scrub waits before the copy is stored. */
  async function repairing() {
    const place = make()
    const inner = place.backend()
    const gate = new Gate()
    onTestFinished(() => gate.open())
    let damaged = true
    let waiting = false
    const blobs = place.store({
      backend: meddle(inner, {
        get: async (key, options) => (damaged ? null : inner.get(key, options)),
        put: async (key, body, options) => {
          if (waiting) {
            waiting = false
            await gate.pass()
          }
          return inner.put(key, body, options)
        },
      }),
    })
    const ref = await blobs.upload(alice, bytes('damaged'))
    await post(blobs, alice, 'a', ref)
    waiting = true
    const scrub = blobs.scrub({ ...everything, copyOf: async () => bytes('damaged') })
    await gate.reached
    damaged = false
    return { place, inner, blobs, ref, gate, scrub }
  }

  test('keeps an upload that repairs the bytes before its own copy does', async () => {
    const { place, inner, blobs, ref, gate, scrub } = await repairing()
    await blobs.upload(bob, bytes('damaged'))
    const healed = (await inner.list()).keys
    gate.open()
    expect((await scrub).findings).toMatchObject([{ cid: cidOfBytes(bytes('damaged')), repaired: false }])
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('damaged')
    for (let round = 0; round < 2; round++) {
      place.clock.advance(2 * day)
      await blobs.collect()
    }
    const [left = '', ...others] = (await inner.list()).keys
    expect(others).toEqual([])
    expect(healed).toContain(left)
    expect(await blobs.usage(alice)).toEqual({ ...settled, bytes: 7, count: 1 })
  })

  test('gives up a copy that took longer than its lease', async () => {
    const { place, inner, blobs, ref, gate, scrub } = await repairing()
    place.clock.advance(2 * hour)
    expect(await blobs.collect()).toMatchObject({ expiredUploads: 1 })
    gate.open()
    expect((await scrub).findings).toMatchObject([{ repaired: false }])
    for (let round = 0; round < 2; round++) {
      place.clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await inner.list()).keys).toHaveLength(1)
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('damaged')
  })
})

describe.each(places)('recovering on $name', ({ make }) => {
  /** A store, and bytes that its database does not know, as after a restore: one for each text. */
  async function forgotten(
    texts: readonly string[],
    meddling: (inner: BlobBackend) => Partial<BlobBackend> = () => ({}),
  ) {
    const place = make()
    const [inner, other] = [place.backend(), memoryPlace()]
    const blobs = place.store({ backend: meddle(inner, meddling(inner)) })
    await blobs.ready()
    const elsewhere = other.store({
      backend: meddle(inner, {
        readMarker: async () => null,
        claimMarker: async (marker) => marker,
        writeMarker: async () => {},
        list: async () => ({ keys: [] }),
      }),
    })
    for (const content of texts) await elsewhere.upload(alice, bytes(content))
    return { ...place, blobs, inner, cids: texts.map((content) => cidOfBytes(bytes(content))) }
  }

  test('gives the same bytes to all owners, and to no account that may not have them', async () => {
    const { blobs } = await forgotten(['shared'])
    await blobs.deleteAccount('did:plc:gone')
    const owners = [alice, 'did:plc:gone', bob]
    const ownersOf = async () => owners.map((did) => ({ did }))
    const nothing = { unclaimed: [], takenDown: [], damaged: 0 }
    expect(await blobs.recover({ ownersOf })).toEqual({ keys: 1, adopted: 2, ...nothing })
    for (const did of [alice, bob]) expect(await blobs.usage(did)).toMatchObject({ bytes: 6, count: 1 })
    expect(await blobs.usage('did:plc:gone')).toMatchObject({ count: 0 })
    expect(await blobs.recover({ ownersOf })).toMatchObject({ adopted: 0, ...nothing })
  })

  // Fails when only the account's own takedown is checked: bytes that the database has forgotten may be those that a
  // moderator hid.
  test('gives what is taken down for any account to none, and says so', async () => {
    const { blobs, cids } = await forgotten(['hidden'])
    const [cid = ''] = cids
    await blobs.takedown(bob, cid)
    const ownersOf = async () => [{ did: alice }, { did: bob }]
    expect(await blobs.recover({ ownersOf })).toMatchObject({ adopted: 0, unclaimed: [], takenDown: [cid] })
    await blobs.reverseTakedown(bob, cid)
    expect(await blobs.recover({ ownersOf })).toMatchObject({ adopted: 2, unclaimed: [], takenDown: [] })
  })

  // Fails when one account's quarantine costs another its blob, or when recovering shows what is quarantined.
  test('gives what one account has in quarantine to the others, and leaves it hidden there', async () => {
    const { blobs, cids } = await forgotten(['hidden'])
    const [cid = ''] = cids
    blobs.setHooks({ inspect: async () => ({ quarantine: 'not sure' }) })
    await post(blobs, alice, 'a', await blobs.upload(alice, bytes('hidden')))
    blobs.setHooks({ inspect: async () => undefined })
    const ownersOf = async () => [{ did: alice }, { did: bob }]
    expect(await blobs.recover({ ownersOf })).toMatchObject({ adopted: 1, takenDown: [] })
    expect(await blobs.stat(bob, cid, { as: 'account' })).toMatchObject({ takenDown: false })
    expect(await blobs.stat(alice, cid)).toBeNull()
  })

  // Fails when expectations determine owners: anybody can import a record that names a CID.
  test('gives an account nothing because its records name a CID, whether others have it or not', async () => {
    const { blobs, cids } = await forgotten(['forgotten'])
    const others = [
      await blobs.upload(alice, bytes('temporary')),
      await blobs.upload(alice, bytes('public')),
      await blobs.upload(alice, bytes('for friends')),
    ]
    await post(blobs, alice, 'a', others[1] as BlobRef)
    const ofSpace = {
      action: 'create' as const,
      uri: uriIn(friends, alice, 'b'),
      blobs: [{ ref: others[2] as BlobRef }],
    }
    await blobs.applyWrites(alice, [ofSpace], { rev: nextRev() })
    const named = [...cids, ...others.map(({ ref }) => ref.toString())]
    const record = { blobs: named.map((cid) => ({ cid, mimeType: 'text/plain' })) }
    const write = { action: 'create' as const, uri: uriOf(bob, 'a'), record }
    await blobs.applyWrites(bob, [write], { rev: nextRev(), missing: 'expect' })
    expect(await blobs.recover()).toMatchObject({ keys: 4, adopted: 0, unclaimed: cids })
    expect(await blobs.usage(bob)).toMatchObject({ count: 0 })
    for (const cid of named) await expect(blobs.read(bob, cid)).rejects.toMatchObject({ code: 'BlobNotFound' })
  })

  // Fails when only unknown keys are examined: a sweep may have doomed them all before the recovery.
  test('gives back what a sweep has doomed, as long as its bytes are there', async () => {
    const { blobs, inner, cids, clock } = await forgotten(['one', 'another'])
    const [one = '', another = ''] = cids
    expect(await blobs.sweep()).toMatchObject({ orphans: 2 })
    const ownersOf = async (cid: string) => (cid === one ? [{ did: alice, mimeType: 'text/plain' }] : [])
    expect(await blobs.recover({ ownersOf })).toMatchObject({ keys: 2, adopted: 1, unclaimed: [], damaged: 0 })
    expect(await blobs.recover({ ownersOf }), 'again').toMatchObject({ keys: 3, adopted: 0 })
    await post(blobs, alice, 'a', await blobs.upload(alice, bytes('one'), { mimeType: 'text/plain' }))
    clock.advance(3 * day)
    await blobs.collect()
    expect((await inner.list()).keys, 'under a key of its own').toHaveLength(1)
    expect(await text((await blobs.read(alice, one)).body)).toBe('one')
    await expect(blobs.read(alice, another)).rejects.toMatchObject({ code: 'BlobNotFound' })
  })

  test('counts what is unreadable, missing or damaged, and continues', async () => {
    const [unreadable = '', gone = '', rotten = '', good = ''] = ['unreadable', 'gone', 'rotten', 'good'].map(
      (content) => cidOfBytes(bytes(content)),
    )
    const { blobs } = await forgotten(['unreadable', 'gone', 'rotten', 'good'], (inner) => ({
      get: async (key, options) => {
        if (key.startsWith(unreadable)) throw new BlobStoreError('StorageFailed', 'EIO')
        if (key.startsWith(gone)) return null
        const object = await inner.get(key, options)
        if (!object || !key.startsWith(rotten)) return object
        await object.body.return?.()
        return { ...object, body: [bytes('rotten!')][Symbol.iterator]() as never }
      },
    }))
    const report = await blobs.recover({ ownersOf: async () => [{ did: alice, mimeType: 'text/plain' }] })
    expect(report).toEqual({ keys: 4, adopted: 1, unclaimed: [], takenDown: [], damaged: 3 })
    expect(await blobs.stat(alice, good, { as: 'account' })).toMatchObject({ mimeType: 'text/plain' })
  })
})
