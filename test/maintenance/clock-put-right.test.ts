import { describe, expect, test } from 'vitest'
import { keyOf, newGeneration } from '../../src/backend/key.ts'
import { type BlobStore, cidOfBytes, DiskBackend, isBlobStoreError } from '../../src/index.ts'
import { Gate, heldBack } from '../support/meddling.ts'
import { type Place, places, temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, hour, post, text, unpost } from '../support/samples.ts'

// The database's clock runs a year ahead, the store is used, processes are killed, and the clock is corrected. Nothing
// waits for the year to pass; and nothing is deleted before its own delay is over, counted from then.

const minute = 60_000
const year = 365 * day
const times = { grace: 3 * hour, deleteDelay: 10 * hour, upload: 20 * minute, lease: hour }
const [bytesOfQuota, quota] = [20, { bytes: 20, blobs: 10, temporaryBlobs: 2, pendingBytes: 5 }]

/** A process that is killed, and so leaves its entry. */
async function killed(place: Place, name: string, reserved = 0): Promise<void> {
  const metadata = await place.metadata().open()
  const [backend] = [place.backend().name]
  const note = { id: name, backends: [backend], writesTo: backend, lease: 5 * minute, opening: true }
  await metadata.enter({ ...note, times: {}, defaults: {} })
  const [cid, generation] = [cidOfBytes(bytes(name)), newGeneration(1)]
  const all = { bytes: 1e9, blobs: 1e9, temporaryBlobs: 1e9, pendingBytes: 1e9 }
  const upload = { generation, backend, did: alice, cid, size: reserved, quota: all, lease: hour, reserved: false }
  if (reserved > 0) await metadata.intend({ ...upload, key: keyOf(cid, generation) })
  await metadata.close()
}

const keysIn = async (place: Place) => (await place.backend().list()).keys.length
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (isBlobStoreError(error) ? error.code : String(error)),
  )

const lasting = places.filter(({ name }) => !name.includes('memory'))

describe.each(lasting)('after a clock that ran a year ahead was corrected, in $name', ({ make }) => {
  // Fails without `bringBack`: the quota is full, and the bytes stay, for a year.
  test('reservations, temporary blobs and deleted bytes are deleted, each after its own delay', async () => {
    const place = make()
    const warnings: string[] = []
    const logger = { info() {}, warn: (_: object, message: string) => void warnings.push(message), error() {} }
    const blobs = place.store({ times, limits: { accept: ['*/*'], quota }, logger })
    await blobs.ready()
    place.clock.advance(year)
    await blobs.upload(bob, bytes('deleted'))
    place.clock.advance(times.grace)
    await blobs.upload(bob, bytes('bob'))
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1, waitingKeys: 1 })
    await killed(place, 'killed', bytesOfQuota)
    const told = () => warnings.filter((message) => message.includes('ran ahead'))
    const upload = (did: string) => codeOf(blobs.upload(did, bytes('new')))

    place.clock.advance(-year)
    const refused = [await upload(alice), await upload(bob)]
    expect(refused).toEqual(['QuotaExceeded', 'QuotaExceeded'])
    expect(told()).toEqual([])
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0, expiredUploads: 0, deletedKeys: 0, waitingKeys: 1 })
    expect(told()).toHaveLength(1)
    place.clock.advance(hour - minute)
    expect(await blobs.collect()).toMatchObject({ expiredUploads: 0 })
    place.clock.advance(2 * minute)
    expect(await blobs.collect()).toMatchObject({ expiredUploads: 1, expiredBlobs: 0 })
    place.clock.advance(2 * hour - 2 * minute)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0, deletedKeys: 1, waitingKeys: 1 })
    place.clock.advance(2 * minute)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1, waitingKeys: 2 })
    place.clock.advance(7 * hour - 4 * minute)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 0 })
    place.clock.advance(3 * minute)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1, waitingKeys: 1 })
    place.clock.advance(times.deleteDelay)
    await blobs.collect()
    expect(await keysIn(place)).toBe(0)
    expect([await upload(alice), await upload(bob)]).toEqual(['done', 'done'])
    expect(told()).toHaveLength(1)
    expect(await blobs.scrub()).toMatchObject({ recounted: [] })
  })

  // Fails when a time in the future counts as due at once.
  test('a running upload keeps its lease, and a blob its grace period', async () => {
    const place = make()
    const blobs = place.store({ times })
    await blobs.ready()
    place.clock.advance(year)
    const ref = await blobs.upload(bob, bytes('temporary'))
    const gate = new Gate()
    const uploading = blobs.upload(alice, heldBack(`${'x'.repeat(2_000_000)}!`, gate))
    await gate.reached
    place.clock.advance(-year)
    await blobs.collect()
    place.clock.advance(times.upload)
    await blobs.collect()
    gate.open()
    const { ref: cid } = await uploading
    expect(await blobs.stat(alice, cid, { as: 'account' })).not.toBeNull()
    expect(await text((await blobs.read(bob, ref.ref, { as: 'account' })).body)).toBe('temporary')
  })

  // Fails when what arrived has only the lease of bytes that are on their way: it is collected before the upload ends.
  test.each([2000, year])(
    'an upload in several requests keeps what arrived and its space, after %i ms',
    async (ahead) => {
      const place = make()
      const blobs = place.store({ times, limits: { accept: ['*/*'], maxBlobSize: 1_000_000 } })
      const { resumable } = blobs
      await blobs.ready()
      place.clock.advance(ahead)
      const half = new Uint8Array(300_000).fill(7)
      const { id } = await resumable.create(alice, { size: 600_000 })
      await resumable.append(alice, id, 0, half)
      const unsized = await resumable.create(alice)
      await resumable.append(alice, unsized.id, 0, half)
      place.clock.advance(-ahead)
      for (let at = 0; at < 22; at++) {
        await blobs.collect()
        place.clock.advance(hour)
      }
      expect((await blobs.usage(alice)).reserved).toBe(900_000)
      await resumable.append(alice, id, 300_000, half)
      expect((await resumable.finish(alice, id)).size).toBe(600_000)
      expect((await resumable.finish(alice, unsized.id)).size).toBe(300_000)
      for (let at = 0; at < 3; at++) {
        place.clock.advance(day)
        await blobs.collect()
      }
      expect(await blobs.usage(alice)).toMatchObject({ reserved: 0, pending: 0 })
    },
  )

  // Fails when the longest delay is forgotten with the process that was given it: the bytes are deleted at once.
  test('a process with a short delay shortens no longer one that does not come from the clock', async () => {
    const place = make()
    const long = place.store({ times: { ...times, deleteDelay: 30 * day } })
    const ref = await long.upload(alice, bytes('kept'))
    await post(long, alice, 'a', ref)
    await unpost(long, alice, 'a')
    place.clock.advance(times.grace)
    expect(await long.collect()).toMatchObject({ waitingKeys: 1 })
    await long.close()
    const short = place.store({ times: { ...times, deleteDelay: 0 } })
    for (let at = 0; at < 29; at++) {
      await short.collect()
      place.clock.advance(day)
    }
    expect(await short.collect()).toMatchObject({ waitingKeys: 1, deletedKeys: 0 })
    place.clock.advance(day)
    expect(await short.collect()).toMatchObject({ waitingKeys: 0, deletedKeys: 1 })
  })

  test('more rows may be corrected than one statement changes', async () => {
    const place = make()
    const blobs = place.store({ times, limits: { accept: ['*/*'] } })
    await blobs.ready()
    place.clock.advance(year)
    const some = Array.from({ length: 230 }, (_, at) => ({ did: at % 2 ? alice : bob, blob: bytes(`blob ${at}`) }))
    while (some.length > 0) await Promise.all(some.splice(0, 50).map(({ did, blob }) => blobs.upload(did, blob)))
    place.clock.advance(-year)
    await blobs.collect()
    place.clock.advance(times.grace)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 230 })
  })

  // Fails without `verified_at <= now`: damaged bytes count as good until the clock reaches that time again.
  test('bytes are read again by a scrub, and replaced by the next upload', async () => {
    const place = make()
    const blobs = place.store({ times })
    await blobs.ready()
    place.clock.advance(year)
    await post(blobs, alice, 'a', await blobs.upload(alice, bytes('bytes')))
    const [before] = (await place.backend().list()).keys
    place.clock.advance(-year)
    await blobs.upload(alice, bytes('bytes'))
    const [after] = await liveKeys(place, blobs)
    expect(after).not.toBe(before)
    place.clock.advance(year)
    await blobs.scrub({ olderThan: 0 })
    place.clock.advance(-year)
    expect(await blobs.scrub()).toMatchObject({ objects: 1 })
    expect(await blobs.scrub()).toMatchObject({ objects: 0 })
  })

  /** Another backend is refused while a process that writes to the first alone counts as open. */
  const opens = (place: Place) => {
    const [first, other] = [place.backend(), new DiskBackend({ root: temporaryFolder(), name: 'new' })]
    return codeOf(place.store({ backend: { write: 'new', all: { [first.name]: first, new: other } } }).ready())
  }

  // Fails when the times of processes are corrected in the transaction that is refused, or not at all.
  test('a new backend opens when the lease of killed processes is over', async () => {
    const place = make()
    const blobs = place.store()
    await blobs.ready()
    await blobs.close()
    place.clock.advance(year)
    await killed(place, 'killed')
    place.clock.advance(-year)
    expect(await opens(place)).toBe('StoreMismatch')
    place.clock.advance(4 * minute)
    expect(await opens(place)).toBe('StoreMismatch')
    place.clock.advance(minute + 1)
    expect(await opens(place)).toBe('done')
  })

  // Fails when a process with a time in the future counts as dead.
  test('a living process still counts', async () => {
    const place = make()
    const blobs = place.store()
    await blobs.ready()
    await blobs.close()
    place.clock.advance(year)
    await killed(place, 'lives')
    place.clock.advance(-year)
    for (let at = 0; at < 10; at++) {
      expect(await opens(place)).toBe('StoreMismatch')
      place.clock.advance(minute)
      if (at % 4 === 3) await killed(place, 'lives')
    }
    place.clock.advance(4 * minute + 1)
    expect(await opens(place)).toBe('done')
  })

  test('a clock that ran behind has the effects of a jump ahead, and loses no blob that a record references', async () => {
    const place = make()
    const blobs = place.store({ times })
    await blobs.ready()
    place.clock.advance(-year)
    const [kept, temporary] = [await blobs.upload(alice, bytes('kept')), await blobs.upload(alice, bytes('temporary'))]
    await post(blobs, alice, 'a', kept)
    await killed(place, 'killed', 5)
    place.clock.advance(year)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1, expiredUploads: 1 })
    expect(await blobs.stat(alice, temporary.ref, { as: 'account' })).toBeNull()
    expect(await text((await blobs.read(alice, kept.ref)).body)).toBe('kept')
    expect(await opens(place)).toBe('done')
  })
})

async function liveKeys(place: Place, blobs: BlobStore): Promise<string[]> {
  place.clock.advance(times.deleteDelay)
  await blobs.collect()
  return (await place.backend().list()).keys
}
