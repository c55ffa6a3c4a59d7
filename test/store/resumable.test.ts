import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { Gate, meddleMetadata } from '../support/meddling.ts'
import { hostDatabases, places } from '../support/places.ts'
import { alice, bob, bytes, chunks, day, hour, post } from '../support/samples.ts'

const limits = { accept: ['*/*'], maxBlobSize: 20_000_000 }
const MiB = 1024 * 1024

/** Bytes that differ from place to place. */
function pattern(size: number): Uint8Array {
  const all = new Uint8Array(size)
  for (let at = 0; at < size; at++) all[at] = (at * 31 + (at >> 11)) & 255
  return all
}

/** A source that fails after some bytes, as a connection that is lost. */
async function* cut(all: Uint8Array, step = 50_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < all.length; at += step) yield all.subarray(at, at + step)
  throw new Error('connection lost')
}

const read = async (blobs: BlobStore, cid: string) => (await blobs.read(alice, cid, { as: 'account' })).bytes()
const nothing = { bytes: 0, count: 0, reserved: 0, pending: 0 }

describe.each(places)('resumable uploads on $name', ({ make }) => {
  test('become a blob of all bytes, sent in several requests, and answer with it again', async () => {
    const blobs = make().store({ limits })
    const all = pattern(5 * MiB + 77)
    const { id, offset, size } = await blobs.resumable.create(alice, {
      size: all.length,
      mimeType: 'application/x-own',
    })
    expect({ offset, size }).toEqual({ offset: 0, size: all.length })
    expect((await blobs.usage(alice)).reserved).toBe(all.length)
    let at = 0
    for (const next of [1, 300_000, 3 * MiB, all.length]) {
      const state = await blobs.resumable.append(alice, id, at, all.subarray(at, next))
      expect(state.offset).toBe(next)
      at = next
    }
    const blob = await blobs.resumable.finish(alice, id)
    expect(String(blob.ref)).toBe(cidOfBytes(all))
    expect(blob).toMatchObject({ mimeType: 'application/x-own', size: all.length })
    expect(Buffer.compare(await read(blobs, String(blob.ref)), all)).toBe(0)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: all.length, count: 1, reserved: 0 })
    expect(await blobs.resumable.finish(alice, id)).toEqual(blob)
    expect(await blobs.resumable.stat(alice, id)).toMatchObject({ offset: all.length, blob })
  })

  // Fails when the parts wait for a delay: a purge of the blob would call it gone, and its bytes would be there.
  test('leave no bytes in their parts once they are a blob', async () => {
    const place = make()
    const blobs = place.store({ limits })
    const all = pattern(5 * MiB)
    const { id } = await blobs.resumable.create(alice, { size: all.length })
    await blobs.resumable.append(alice, id, 0, all)
    expect((await place.backend().list()).keys.length).toBeGreaterThan(1)
    const { ref } = await blobs.resumable.finish(alice, id)
    expect((await place.backend().list()).keys).toEqual([expect.stringMatching(`^${ref}`)])
    expect(await blobs.purge('*', ref)).toMatchObject({ goneAt: expect.any(Date), keys: 1 })
    expect((await place.backend().list()).keys).toEqual([])
    await blobs.collect()
    expect(await blobs.usage(alice)).toEqual(nothing)
  })

  // Fails when only the parts of what becomes a blob are deleted without a delay.
  test('leave no bytes when they are aborted, nor in the parts that were replaced, once a collection has run', async () => {
    const place = make()
    const blobs = place.store({ limits })
    const { id } = await blobs.resumable.create(alice)
    await blobs.resumable.append(alice, id, 0, pattern(100_000))
    await blobs.resumable.append(alice, id, 100_000, pattern(200_000).subarray(100_000)) // replaces the small last part
    expect((await place.backend().list()).keys).toHaveLength(2)
    await blobs.resumable.abort(alice, id)
    expect((await place.backend().list()).keys).toHaveLength(1)
    await blobs.collect()
    expect((await place.backend().list()).keys).toEqual([])
    expect(await blobs.usage(alice)).toEqual(nothing)
  })

  test('keep what had arrived when the connection was lost', async () => {
    const blobs = make().store({ limits })
    const all = pattern(3 * MiB)
    const { id } = await blobs.resumable.create(alice)
    await expect(blobs.resumable.append(alice, id, 0, cut(all.subarray(0, 2_500_000)))).rejects.toMatchObject({
      code: 'UploadInterrupted',
    })
    expect(await blobs.resumable.stat(alice, id)).toMatchObject({ offset: 2_500_000, size: null, blob: null })
    await blobs.resumable.append(alice, id, 2_500_000, all.subarray(2_500_000))
    expect(String((await blobs.resumable.finish(alice, id)).ref)).toBe(cidOfBytes(all))
  })

  test('take parts in any order, at once and again', async () => {
    const blobs = make().store({ limits })
    const all = pattern(200_000)
    const { id } = await blobs.resumable.create(alice, { size: all.length, partSize: 65_536 })
    const part = (n: number) => all.subarray((n - 1) * 65_536, n * 65_536)
    await Promise.all([4, 2, 1].map((n) => blobs.resumable.putPart(alice, id, n, part(n))))
    expect((await blobs.resumable.stat(alice, id))?.parts).toEqual([1, 2, 4])
    await expect(blobs.resumable.finish(alice, id)).rejects.toMatchObject({ code: 'InvalidSize' })
    await expect(blobs.resumable.putPart(alice, id, 3, bytes('short'))).rejects.toMatchObject({ code: 'InvalidSize' })
    await expect(blobs.resumable.putPart(alice, id, 5, part(1))).rejects.toMatchObject({ code: 'InvalidArgument' })
    await Promise.all([2, 3].map((n) => blobs.resumable.putPart(alice, id, n, part(n))))
    expect(String((await blobs.resumable.finish(alice, id)).ref)).toBe(cidOfBytes(all))
  })

  test('have at most 1,000 parts', async () => {
    const { resumable } = make().store({ limits: { maxBlobSize: 100_000_000 } })
    const begin = (size: number) => resumable.create(alice, { size, partSize: 65_536 })
    await expect(begin(65_536_001)).rejects.toThrow('at least 65537 bytes')
    expect(await begin(65_536_000)).toMatchObject({ parts: [] })
  })

  test('belong to their account', async () => {
    const blobs = make().store({ limits })
    const { id } = await blobs.resumable.create(alice)
    const missing = { code: 'UploadNotFound' }
    await expect(blobs.resumable.append(bob, id, 0, bytes('x'))).rejects.toMatchObject(missing)
    await expect(blobs.resumable.finish(bob, id)).rejects.toMatchObject(missing)
    expect(await blobs.resumable.stat(bob, id)).toBeNull()
    await blobs.resumable.abort(bob, id)
    expect(await blobs.resumable.stat(alice, id)).toMatchObject({ offset: 0 })
    await expect(blobs.resumable.stat(alice, "' or 1=1")).rejects.toMatchObject({ code: 'InvalidArgument' })
  })

  test('leave nothing when they are aborted, expire, or their account is deleted', async () => {
    const { store, clock } = make()
    const blobs = store({ limits, times: { grace: hour } })
    const begin = async (did: string) => {
      const { id } = await blobs.resumable.create(did, { size: 3_000_000 })
      await blobs.resumable.append(did, id, 0, pattern(2_500_000))
      return id
    }
    const aborted = await begin(alice)
    await blobs.resumable.abort(alice, aborted)
    expect(await blobs.resumable.stat(alice, aborted)).toBeNull()
    expect((await blobs.usage(alice)).reserved).toBe(0)
    const expired = await begin(alice)
    await begin(bob)
    await blobs.deleteAccount(bob)
    clock.advance(day + 1)
    expect(await blobs.resumable.stat(alice, expired)).toBeNull()
    await expect(blobs.resumable.append(alice, expired, 2_500_000, bytes('x'))).rejects.toMatchObject({
      code: 'UploadNotFound',
    })
    for (let round = 0; round < 3; round++) {
      await blobs.collect()
      clock.advance(3 * day)
    }
    expect(await blobs.usage(alice)).toEqual(nothing)
    expect(await blobs.usage(bob)).toEqual(nothing)
    expect(await blobs.stats()).toMatchObject({ doomedCount: 0, storedCount: 0, reserved: 0 })
    expect(await blobs.sweep()).toMatchObject({ keys: 0, orphans: 0 })
  })

  test('keep to the limits of store, account and request', async () => {
    const blobs = make().store({
      limits: { ...limits, maxBlobSize: 1000, quota: { bytes: 1500 }, uploads: { resumable: 2 } },
    })
    const { resumable } = blobs
    await expect(resumable.create(alice, { size: 1001 })).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    const { id } = await resumable.create(alice, { size: 1000 })
    await expect(resumable.create(alice, { size: 600 })).rejects.toMatchObject({ code: 'QuotaExceeded' })
    await expect(blobs.upload(alice, pattern(600))).rejects.toMatchObject({ code: 'QuotaExceeded' })
    const other = await resumable.create(alice)
    await expect(resumable.create(alice)).rejects.toMatchObject({ code: 'TooManyUploads' })
    await expect(resumable.append(alice, other.id, 0, pattern(501))).rejects.toMatchObject({ code: 'QuotaExceeded' })
    await resumable.append(alice, other.id, 0, pattern(500))
    await expect(resumable.append(alice, id, 0, pattern(1001))).rejects.toMatchObject({ code: 'InvalidSize' })
    const narrow = resumable.append(alice, other.id, 500, pattern(2), { maxSize: 501 })
    await expect(narrow).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    await resumable.finish(alice, other.id)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 500, reserved: 1000 })
  })

  test('of unknown size may learn it while they run, and reserve the rest', async () => {
    const blobs = make().store({ limits: { ...limits, maxBlobSize: 1000, quota: { bytes: 1500 } } })
    const { resumable } = blobs
    const { id } = await resumable.create(alice)
    await resumable.append(alice, id, 0, pattern(100))
    const sized = (offset: number, size: number) => resumable.append(alice, id, offset, bytes('x'), { size })
    await expect(sized(100, 1001)).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    await expect(sized(100, 99)).rejects.toMatchObject({ code: 'InvalidSize' })
    await expect(sized(100, -1)).rejects.toMatchObject({ code: 'InvalidArgument' })
    await blobs.upload(alice, pattern(600))
    await expect(sized(100, 901)).rejects.toMatchObject({ code: 'QuotaExceeded' })
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 100 })
    expect(await sized(100, 200)).toMatchObject({ offset: 101, size: 200 })
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 200 })
    await expect(sized(101, 201)).rejects.toMatchObject({ code: 'InvalidSize' })
    await expect(resumable.finish(alice, id)).rejects.toMatchObject({ code: 'InvalidSize' })
    await resumable.append(alice, id, 101, pattern(99), { size: 200 })
    expect((await resumable.finish(alice, id)).size).toBe(200)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 800, reserved: 0 })
  })

  test('fail for good because of their bytes, and may be finished later after any other failure', async () => {
    const blobs = make().store({ limits })
    const wrong = await blobs.resumable.create(alice, { cid: cidOfBytes(bytes('other')) })
    await blobs.resumable.append(alice, wrong.id, 0, bytes('these'))
    await expect(blobs.resumable.finish(alice, wrong.id)).rejects.toMatchObject({ code: 'CidMismatch' })
    expect(await blobs.resumable.stat(alice, wrong.id)).toBeNull()

    const { id } = await blobs.resumable.create(alice)
    await blobs.resumable.append(alice, id, 0, chunks(3, 700_000))
    const refused = blobs.resumable.finish(alice, id, { grants: [] })
    await expect(refused).rejects.toMatchObject({ code: 'ScopeMissing' })
    expect((await blobs.usage(alice)).reserved).toBe(2_100_000)
    const blob = await blobs.resumable.finish(alice, id)
    await post(blobs, alice, 'a', blob)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 2_100_000, count: 1, reserved: 0 })
  })

  test('at the limit of an account end its oldest one without a byte, if it is older than ten minutes', async () => {
    const { store, clock } = make()
    const { resumable, usage } = store({ limits: { ...limits, uploads: { resumable: 3 } } })
    const create = async (size: number) => (await resumable.create(alice, { size })).id
    const begun = await create(100)
    await resumable.append(alice, begun, 0, bytes('a byte'))
    const first = await create(1000)
    clock.advance(1000)
    const second = await create(2000)
    clock.advance(9 * 60_000)
    await expect(create(300)).rejects.toMatchObject({ code: 'TooManyUploads', transient: false })
    clock.advance(2 * 60_000)
    const next = await create(300)
    expect(await resumable.stat(alice, first)).toBeNull()
    for (const id of [begun, second, next]) expect(await resumable.stat(alice, id)).not.toBeNull()
    expect((await usage(alice)).reserved).toBe(2400)
    await create(300)
    await expect(create(300)).rejects.toMatchObject({ code: 'TooManyUploads' })
  })

  test('end when bytes that had arrived are lost, so that the client begins anew', async () => {
    const place = make()
    const blobs = place.store({ limits })
    const { id } = await blobs.resumable.create(alice, { size: 1000 })
    await blobs.resumable.append(alice, id, 0, pattern(100))
    const backend = place.backend()
    await backend.delete((await backend.list()).keys)
    await expect(blobs.resumable.append(alice, id, 100, bytes('x'))).rejects.toMatchObject({ code: 'BlobMissing' })
    expect(await blobs.resumable.stat(alice, id)).toBeNull()
    expect((await blobs.usage(alice)).reserved).toBe(0)
  })

  test('do not end because their disk is not mounted', async () => {
    const place = make()
    const blobs = place.store({ limits })
    const { id } = await blobs.resumable.create(alice, { size: 101 })
    await blobs.resumable.append(alice, id, 0, pattern(100))
    const backend = place.backend()
    const get = vi.spyOn(Object.getPrototypeOf(backend), 'get').mockResolvedValue(null)
    const marker = vi.spyOn(Object.getPrototypeOf(backend), 'readMarker').mockResolvedValue(null)
    onTestFinished(() => void vi.restoreAllMocks())
    await expect(blobs.resumable.append(alice, id, 100, bytes('x'))).rejects.toMatchObject({ transient: true })
    get.mockRestore()
    marker.mockRestore()
    await blobs.resumable.append(alice, id, 100, bytes('x'))
    expect(await blobs.resumable.finish(alice, id)).toMatchObject({ size: 101 })
  })

  test('once finished, answer with the blob only as long as the account has it', async () => {
    const { store, clock } = make()
    const blobs = store({ limits, times: { grace: hour, takedownHold: 0 } })
    const { resumable } = blobs
    const finished = async () => {
      const { id } = await resumable.create(alice)
      await resumable.append(alice, id, 0, bytes('some'))
      return [id, await resumable.finish(alice, id)] as const
    }
    const [collected, blob] = await finished()
    expect(await resumable.stat(alice, collected)).toMatchObject({ blob })
    clock.advance(hour + 1)
    await blobs.collect()
    expect(await resumable.stat(alice, collected)).toBeNull()
    await expect(resumable.finish(alice, collected)).rejects.toMatchObject({ code: 'UploadNotFound' })
    const [deleted] = await finished()
    await blobs.deleteAccount(alice)
    expect(await resumable.stat(alice, deleted)).toBeNull()
    await blobs.reopenAccount(alice)
    expect(await resumable.stat(alice, deleted)).toBeNull()
    await blobs.upload(alice, bytes('some'))
    expect(await resumable.stat(alice, deleted), 'it is not of this life of the account').toBeNull()
  })

  test('do not end because of the limits of one call', async () => {
    const blobs = make().store({ limits })
    const { id } = await blobs.resumable.create(alice)
    await blobs.resumable.append(alice, id, 0, pattern(100))
    for (const [narrow, code] of [
      [{ accept: ['image/*'] }, 'InvalidMimeType'],
      [{ maxSize: 99 }, 'PayloadTooLarge'],
    ] as const) {
      await expect(blobs.resumable.finish(alice, id, narrow)).rejects.toMatchObject({ code })
    }
    expect((await blobs.resumable.finish(alice, id)).size).toBe(100)
  })

  test('do not fill the disk past the quota, whatever is sent again, refused or given up', async () => {
    const blobs = make().store({ limits: { ...limits, quota: { bytes: 1_000_000, pendingBytes: 1_000_000 } } })
    const { resumable } = blobs
    const until = async (again: (n: number) => Promise<unknown>) => {
      for (let n = 0; n < 100; n++) await again(n)
    }
    const refused = { code: 'QuotaExceeded' }
    const parts = await resumable.create(alice, { size: 100_000, partSize: 65_536 })
    await expect(until(() => resumable.putPart(alice, parts.id, 1, pattern(65_536)))).rejects.toMatchObject(refused)
    const given = async () => {
      const { id } = await resumable.create(bob)
      await resumable.append(bob, id, 0, pattern(200_000))
      await resumable.abort(bob, id)
    }
    await expect(until(given)).rejects.toMatchObject(refused)
    const carol = 'did:plc:carol'
    const { id } = await resumable.create(carol)
    const before = await blobs.sweep()
    await expect(resumable.append(carol, id, 0, pattern(1_000_001))).rejects.toMatchObject(refused)
    expect((await blobs.sweep()).keys, 'keys').toBe(before.keys)
    for (const did of [alice, bob]) expect((await blobs.usage(did)).pending).toBeLessThan(1_300_000)
  })

  test('do not fill the database with the parts of a client that sends single bytes', async () => {
    const { store } = make()
    const blobs = store({ limits })
    const { id } = await blobs.resumable.create(alice)
    const all = bytes('twenty single bytes.')
    for (const [at, byte] of [...all].entries()) await blobs.resumable.append(alice, id, at, Uint8Array.of(byte))
    expect((await blobs.usage(alice)).pending).toBeGreaterThan(0)
    expect(String((await blobs.resumable.finish(alice, id)).ref)).toBe(cidOfBytes(all))
  })
})

describe.each(hostDatabases)('finished resumable uploads on $name', ({ make }) => {
  // Fails when each leaves its row, with the client's note, for a day.
  test('are kept for a client that lost the response, but only the last hundred of an account', async () => {
    const { store, clock } = make()
    const { resumable } = store({ limits })
    const ids: string[] = []
    const long = await resumable.create(alice)
    for (let at = 0; at < 102; at++) {
      clock.advance(1)
      const { id } = await resumable.create(alice, { note: 'x' })
      await resumable.append(alice, id, 0, bytes('some'))
      await resumable.finish(alice, id)
      ids.push(id)
    }
    const kept = async (id = '') => (await resumable.stat(alice, id))?.blob ?? null
    for (const at of [0, 1]) expect(await kept(ids[at]), String(at)).toBeNull()
    for (const at of [2, 101]) expect(await kept(ids[at]), String(at)).not.toBeNull()
    await resumable.append(alice, long.id, 0, bytes('long'))
    const blob = await resumable.finish(alice, long.id)
    expect(await kept(long.id), 'begun before all of them').toEqual(blob)
    expect(await kept(ids[2])).toBeNull()
    clock.advance(1)
    const { id } = await resumable.create(alice)
    await resumable.append(alice, id, 0, bytes('next'))
    await resumable.finish(alice, id)
    expect(await kept(long.id), 'finished after all others but one').toEqual(blob)
  })
})

describe.each(hostDatabases)('resumable uploads of two processes on $name', ({ make }) => {
  test('leave their parts to the next collection when a process dies as they are a blob, and the blob is purged', async () => {
    const place = make()
    const dead = meddleMetadata(place.metadata(), () => ({ forgetParts: () => Promise.reject(new Error('killed')) }))
    const blobs = place.store({ limits, metadata: dead })
    const all = pattern(5 * MiB)
    const { id } = await blobs.resumable.create(alice, { size: all.length })
    await blobs.resumable.append(alice, id, 0, all)
    const { ref } = await blobs.resumable.finish(alice, id) // the blob is there all the same
    const other = place.store({ limits })
    expect((await place.backend().list()).keys.length).toBeGreaterThan(1)
    await other.purge('*', ref)
    await other.collect()
    place.clock.advance(hour)
    await other.collect()
    expect((await place.backend().list()).keys).toEqual([])
    expect(await other.usage(alice)).toEqual(nothing)
  })

  test('go on in another process', async () => {
    const { store } = make()
    const [one, other] = [store({ limits }), store({ limits })]
    const all = pattern(100_000)
    const { id } = await one.resumable.create(alice, { size: all.length })
    await one.resumable.append(alice, id, 0, all.subarray(0, 60_000))
    await one.close()
    expect(await other.resumable.stat(alice, id)).toMatchObject({ offset: 60_000 })
    await other.resumable.append(alice, id, 60_000, all.subarray(60_000))
    expect(String((await other.resumable.finish(alice, id)).ref)).toBe(cidOfBytes(all))
  })

  test('of two requests at the same offset, one is refused, and says where the upload is', async () => {
    const { store } = make()
    const [one, other] = [store({ limits }), store({ limits })]
    const { id } = await one.resumable.create(alice)
    const outcomes = await Promise.allSettled([
      one.resumable.append(alice, id, 0, bytes('first')),
      other.resumable.append(alice, id, 0, bytes('other')),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')?.reason
    expect(refused).toMatchObject({ code: 'UploadOffsetMismatch', offset: 5 })
    const wrong = one.resumable.append(alice, id, 2, bytes('x'))
    await expect(wrong).rejects.toMatchObject({ code: 'UploadOffsetMismatch', offset: 5 })
    expect((await one.resumable.finish(alice, id)).size).toBe(5)
  })

  test('what another process acknowledged is not replaced by a request that ends late', async () => {
    const { store } = make()
    const [one, other] = [store({ limits }), store({ limits })]
    const { id } = await one.resumable.create(alice)
    await one.resumable.append(alice, id, 0, pattern(100))
    const gate = Promise.withResolvers<void>()
    const slow = async function* () {
      yield pattern(150).subarray(100)
      await gate.promise
      throw new Error('connection lost')
    }
    const late = one.resumable.append(alice, id, 100, slow())
    late.catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 50))
    const state = await other.resumable.append(alice, id, 100, pattern(170).subarray(100))
    gate.resolve()
    await expect(late).rejects.toMatchObject({ code: 'UploadInterrupted' })
    expect(await other.resumable.stat(alice, id)).toMatchObject({ offset: state.offset })
    expect(String((await other.resumable.finish(alice, id)).ref)).toBe(cidOfBytes(pattern(170)))
  })

  // Fails when only the request looks at the size that was announced: another one may announce it meanwhile.
  test('have no more bytes than another request has announced meanwhile', async () => {
    const { store } = make()
    const [one, other] = [store({ limits }), store({ limits })]
    const { id } = await one.resumable.create(alice)
    const [taken, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow = async function* () {
      yield pattern(100)
      taken.resolve()
      await gate.promise
    }
    const late = one.resumable.append(alice, id, 0, slow())
    late.catch(() => {})
    await taken.promise
    await other.resumable.append(alice, id, 0, new Uint8Array(0), { size: 10 })
    gate.resolve()
    await expect(late).rejects.toMatchObject({ code: 'InvalidSize' })
    await other.resumable.append(alice, id, 0, pattern(10))
    expect((await other.resumable.finish(alice, id)).size).toBe(10)
  })

  test('finished twice at once, the blob is stored once', async () => {
    const { store } = make()
    const [one, other] = [store({ limits }), store({ limits })]
    const { id } = await one.resumable.create(alice)
    await one.resumable.append(alice, id, 0, pattern(70_000))
    const outcomes = await Promise.allSettled([one.resumable.finish(alice, id), other.resumable.finish(alice, id)])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'UploadBusy', transient: true })
    }
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true)
    expect(await one.usage(alice)).toMatchObject({ count: 1, reserved: 0 })
    expect((await other.resumable.finish(alice, id)).size).toBe(70_000)
  })

  test('finished by a process that dies, it can be finished by another ten seconds later', async () => {
    const { store, metadata, clock } = make()
    const gate = new Gate()
    const dead = meddleMetadata(metadata(), () => ({ renewClaim: async () => {} }))
    const [one, other] = [store({ limits, metadata: dead, hooks: { inspect: waitAt(gate) } }), store({ limits })]
    const { id } = await one.resumable.create(alice)
    await one.resumable.append(alice, id, 0, pattern(70_000))
    const first = one.resumable.finish(alice, id)
    await gate.reached
    await expect(other.resumable.finish(alice, id)).rejects.toMatchObject({ code: 'UploadBusy' })
    clock.advance(10_001)
    expect((await other.resumable.finish(alice, id)).size).toBe(70_000)
    gate.open()
    await first.catch(() => {}) // it only stood still: the blob is one all the same
    expect(await other.usage(alice)).toMatchObject({ count: 1, bytes: 70_000, reserved: 0 })
  })

  test('aborted after its process died while it was finished, it reserves nothing any more', async () => {
    const { store, metadata, clock } = make()
    const gate = new Gate()
    const dead = meddleMetadata(metadata(), () => ({ renewClaim: async () => {}, intend: () => gate.pass() as never }))
    const [one, other] = [store({ limits, metadata: dead }), store({ limits })]
    const { id } = await one.resumable.create(alice)
    await one.resumable.append(alice, id, 0, pattern(70_000))
    const first = one.resumable.finish(alice, id)
    await gate.reached
    clock.advance(10_001)
    expect((await other.usage(alice)).reserved).toBe(70_000)
    await other.resumable.abort(alice, id)
    expect((await other.usage(alice)).reserved).toBe(0)
    gate.open()
    await first.catch(() => {})
    expect((await other.usage(alice)).reserved).toBe(0)
  })

  test('finished slowly, it is not finished by another meanwhile', async () => {
    const { store, metadata, clock } = make()
    const gate = new Gate()
    const renewed = Promise.withResolvers<void>()
    const watched = meddleMetadata(metadata(), (inner) => ({
      renewClaim: (...claim) => inner.renewClaim(...claim).then(renewed.resolve),
    }))
    const [one, other] = [store({ limits, metadata: watched, hooks: { inspect: waitAt(gate) } }), store({ limits })]
    const { id } = await one.resumable.create(alice)
    await one.resumable.append(alice, id, 0, pattern(1000))
    const first = one.resumable.finish(alice, id)
    await gate.reached
    clock.advance(9000)
    await renewed.promise
    clock.advance(9000)
    await expect(other.resumable.finish(alice, id)).rejects.toMatchObject({ code: 'UploadBusy' })
    gate.open()
    expect((await first).size).toBe(1000)
  })
})

const waitAt = (gate: Gate) => async (): Promise<undefined> => {
  await gate.pass()
  return undefined
}
