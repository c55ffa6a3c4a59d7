import { createHash } from 'node:crypto'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { type BlobBackend, type BlobStore, DiskBackend, MemoryBackend } from '../../src/index.ts'
import type { S3Address } from '../servers/ceph.ts'
import { meddle, meddleMetadata } from '../support/meddling.ts'
import { diskPlace, hostDatabases, memoryPlace, type Place, places, temporaryFolder } from '../support/places.ts'
import { S3Place } from '../support/s3.ts'
import { alice, bob, bytes, day, hour, post, text, unpost } from '../support/samples.ts'

const mirrors: { name: string; make: () => () => BlobBackend }[] = [
  {
    name: 'a folder',
    make() {
      const root = temporaryFolder()
      return () => new DiskBackend({ root, durability: 'relaxed' })
    },
  },
  {
    name: 'memory',
    make() {
      const backend = new MemoryBackend()
      return () => backend
    },
  },
  ...(inject('s3') ? [{ name: 'a bucket', make: () => bucket(inject('s3') as S3Address) }] : []),
]

function bucket(address: S3Address): () => BlobBackend {
  const place = new S3Place(address)
  onTestFinished(() => place.remove())
  return () => place.backend()
}

const kinds = places.flatMap((place) =>
  mirrors.map((mirror) => ({ name: `${place.name}, and ${mirror.name}`, place, mirror })),
)

/** Deletes bytes in a backend behind its store's back. */
async function lose(backend: BlobBackend): Promise<void> {
  await backend.open()
  for (const key of (await backend.list()).keys) await backend.delete([key])
}

async function posted(blobs: BlobStore, did: string, name: string): Promise<string> {
  const ref = await blobs.upload(did, bytes(name))
  await post(blobs, did, name, ref)
  return String(ref.ref)
}

describe.each(kinds)('the mirror of a store in $name', ({ place: { make }, mirror }) => {
  function open(): { place: Place; blobs: BlobStore; mirrored: () => BlobBackend; again: () => BlobStore } {
    const place = make()
    const mirrored = mirror.make()
    const again = () => place.store({ mirror: { backend: mirrored() } })
    return { place, blobs: again(), mirrored, again }
  }
  const keysIn = async (backend: BlobBackend) => (await backend.list()).keys

  test('gets a copy of each blob, once', async () => {
    const { blobs, mirrored } = open()
    await posted(blobs, alice, 'before')
    expect(await blobs.mirror()).toMatchObject({ waiting: 1, copied: 1, bytes: 6, findings: [] })
    await posted(blobs, alice, 'one')
    await posted(blobs, bob, 'one')
    await posted(blobs, bob, 'two')
    expect(await blobs.mirror({ dryRun: true })).toMatchObject({ waiting: 2, waitingBytes: 6, copied: 0 })
    expect(await blobs.mirror()).toMatchObject({ waiting: 2, copied: 2, findings: [] })
    expect(await blobs.mirror({ compare: true })).toMatchObject({ waiting: 0, copied: 0, deleted: 0 })
    expect(await keysIn(mirrored())).toHaveLength(3)
  })

  test('serves what the backend has lost, whole and in ranges, and heals it', async () => {
    const { place, blobs } = open()
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    await lose(place.backend())
    expect(await text((await blobs.read(alice, cid)).body)).toBe('precious')
    const range = { start: 2, end: 4 }
    expect(Buffer.from(await (await blobs.read(alice, cid, { range })).bytes()).toString()).toBe('eci')
    expect(await blobs.heal()).toMatchObject({ examined: 1, there: 0, healed: 1, bytes: 8, findings: [] })
    expect(await blobs.heal()).toMatchObject({ there: 1, healed: 0 })
    expect(await text((await blobs.read(alice, cid)).body)).toBe('precious')
    expect(await keysIn(place.backend())).toHaveLength(1)
  })

  test('keeps what no account has any more for its delay, and then deletes it', async () => {
    const { place, blobs, mirrored } = open()
    await posted(blobs, alice, 'gone')
    await posted(blobs, alice, 'back')
    await blobs.mirror()
    await unpost(blobs, alice, 'gone')
    await unpost(blobs, alice, 'back')
    place.clock.advance(2 * day)
    await blobs.collect()
    await blobs.mirror({ compare: true })
    place.clock.advance(29 * day)
    await blobs.collect()
    await blobs.mirror({ compare: true })
    await blobs.collect()
    expect(await keysIn(mirrored())).toHaveLength(2)
    const cid = await posted(blobs, alice, 'back')
    place.clock.advance(2 * day)
    expect(await blobs.mirror({ compare: true })).toMatchObject({ copied: 0, deleted: 1 })
    await blobs.collect()
    const left = await keysIn(mirrored())
    expect(left).toHaveLength(1)
    expect(left[0]).toMatch(cid)
  })

  test('loses purged bytes at once', async () => {
    const { blobs, mirrored } = open()
    const cid = await posted(blobs, alice, 'illegal')
    await posted(blobs, alice, 'legal')
    await blobs.mirror()
    expect(await blobs.purge('*', cid)).toMatchObject({ keys: 2, remainingKeys: 0, goneAt: expect.any(Date) })
    expect(await keysIn(mirrored())).toHaveLength(1)
  })

  test('loses at once also purged bytes that no row knew', async () => {
    const { blobs, mirrored } = open()
    const cid = await posted(blobs, alice, 'illegal')
    await blobs.mirror()
    const [key] = await keysIn(mirrored())
    await blobs.purge('*', cid)
    const body = bytes('illegal')
    const sha256 = createHash('sha256').update(body).digest()
    await mirrored().put(String(key), { size: body.byteLength, sha256, chunks: [body] })
    expect(await blobs.mirror({ compare: true })).toMatchObject({ deleted: 1 })
    await blobs.collect()
    expect(await keysIn(mirrored())).toEqual([])
  })

  test('never copies damaged bytes over a good copy, and heals them at a scrub', async () => {
    const { place, blobs } = open()
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    await lose(place.backend())
    const { findings } = await blobs.scrub({ olderThan: 0 })
    expect(findings).toMatchObject([{ cid, problem: 'missing', repaired: true }])
    expect((await blobs.scrub({ olderThan: 0 })).findings).toEqual([])
    expect(await text((await blobs.read(alice, cid)).body)).toBe('precious')
  })
})

describe('the mirror of a store', () => {
  test('keeps what nothing needs as long as the host says, whatever process copies', async () => {
    const place = diskPlace()
    const backend = new MemoryBackend()
    const host = place.store({ mirror: { backend, delay: 90 * day } })
    await posted(host, alice, 'gone')
    await host.mirror()
    await unpost(host, alice, 'gone')
    await host.close()
    const beside = place.store({ mirror: { backend } })
    const keptAfter = async (days: number) => {
      place.clock.advance(days * day)
      await beside.collect()
      return (await beside.mirror({ compare: true })).deleted === 0
    }
    for (const days of [2, 2, 40, 40]) expect(await keptAfter(days)).toBe(true)
    expect(await keptAfter(20)).toBe(false)
  })

  const waits = (blobs: BlobStore) => blobs.health().then(({ restored }) => restored)

  // Fails when only the recovery of the backend tolerates it: nothing would be deleted until the mirror is back.
  test('that is down does not keep a store from being recovered', async () => {
    const place = memoryPlace()
    const down = meddle(new MemoryBackend(), { open: () => Promise.reject(new Error('unreachable')) })
    const blobs = place.store({ mirror: { backend: down } })
    const cid = await posted(blobs, alice, 'there')
    expect(await blobs.recover({ ownersOf: async () => [] })).toMatchObject({ damaged: 0 })
    expect((await blobs.health()).restored).toBe(false)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('there')
  })

  // Fails when a copy has the lease of an empty upload: a large one would be collected before it is complete, each time.
  test('has as long for a copy as its bytes may take', async () => {
    const place = memoryPlace()
    const leases: number[] = []
    const metadata = meddleMetadata(place.metadata(), (inner) => ({
      mirror: async () => {
        const steps = await inner.mirror()
        return {
          ...steps,
          intendMirrored: (copy) => {
            leases.push(copy.lease)
            return steps.intendMirrored(copy)
          },
        }
      },
    }))
    const blobs = place.store({ metadata, mirror: { backend: new MemoryBackend() } })
    const content = new Uint8Array(256 * 1024)
    await post(blobs, alice, 'large', await blobs.upload(alice, content))
    expect(await blobs.mirror()).toMatchObject({ copied: 1 })
    expect(leases).toEqual([blobs.times.lease + 2000]) // at 1 Mbit/s
  })

  test('that is newer than a restored database stops deletions until the store is recovered, once', async () => {
    const place = diskPlace()
    const backend = new MemoryBackend()
    const first = place.store({ mirror: { backend } })
    await posted(first, alice, 'one')
    await first.mirror()
    await first.close()
    const marker = JSON.parse((await backend.readMarker()) ?? '')
    await backend.writeMarker(JSON.stringify({ ...marker, epoch: 50 }))
    const blobs = place.store({ mirror: { backend } })
    expect(await blobs.mirror()).toMatchObject({ deleted: 0 })
    expect(await waits(blobs)).toBe(true)
    await blobs.recover()
    await blobs.mirror()
    expect(await waits(blobs)).toBe(false)
  })

  test('has no copy left of what an account purged while it was copied, once the purge is finished', async () => {
    const place = memoryPlace()
    const backend = new MemoryBackend()
    const put = backend.put.bind(backend)
    const blobs = place.store({ mirror: { backend } })
    const cid = await posted(blobs, alice, 'illegal')
    let goneAt: Date | null | undefined
    backend.put = async (...given) => {
      await put(...given)
      goneAt = (await blobs.purge(alice, cid)).goneAt
    }
    expect(await blobs.mirror()).toMatchObject({ copied: 0 })
    expect(goneAt).toBeNull()
    await blobs.collect()
    expect((await blobs.listPurges()).items).toMatchObject([{ goneAt: expect.any(Date) }])
    expect((await backend.list()).keys).toEqual([])
  })

  test('that does not answer keeps no call longer than its signal', async () => {
    const place = diskPlace()
    const backend = new MemoryBackend()
    const first = place.store({ mirror: { backend } })
    const cid = await posted(first, alice, 'precious')
    await first.mirror()
    await first.close()
    await lose(place.backend())
    const silent = new MemoryBackend()
    const answer = Promise.withResolvers<null>()
    silent.readMarker = () => answer.promise
    const blobs = place.store({ mirror: { backend: silent } })
    onTestFinished(() => answer.resolve(null))
    const soon = () => ({ signal: AbortSignal.timeout(50) })
    const late = { name: 'TimeoutError' }
    await expect(blobs.mirror(soon())).rejects.toMatchObject(late)
    await expect(blobs.heal(soon())).rejects.toMatchObject(late)
    await expect(blobs.scrub({ olderThan: 0, ...soon() })).rejects.toMatchObject(late)
    await expect(blobs.read(alice, cid, soon())).rejects.toMatchObject(late)
  })

  test.each(hostDatabases)('is read in a transaction on $name without another connection', async ({ make }) => {
    const place = make()
    const blobs = place.store({ mirror: { backend: new MemoryBackend() } })
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    await lose(place.backend())
    const now = performance.now()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + hour)
    onTestFinished(() => clock.mockRestore())
    await place.db?.transaction().execute(async (trx) => {
      expect(await text((await blobs.read(alice, cid, { trx })).body)).toBe('precious')
    })
  })

  test('that is lost is begun anew, also if the first attempt was cut short', async () => {
    const place = diskPlace()
    const former = place.store({ mirror: { backend: new MemoryBackend() } })
    await posted(former, alice, 'one')
    await former.mirror()
    await former.close()
    const backend = new MemoryBackend()
    const claim = backend.claimMarker.bind(backend)
    backend.claimMarker = async (marker) => {
      backend.claimMarker = claim
      await claim(marker)
      throw new Error('Cut short')
    }
    const blobs = place.store({ mirror: { backend } })
    await expect(blobs.mirror()).rejects.toMatchObject({ code: 'StoreMismatch' })
    await expect(blobs.mirror({ begin: true })).rejects.toThrow()
    expect(await blobs.mirror({ begin: true })).toMatchObject({ copied: 1, findings: [] })
    await expect(blobs.mirror({ begin: true })).rejects.toMatchObject({ code: 'StoreMismatch' })
  })

  test('is there before a heal accepts that the backend is empty', async () => {
    const place = diskPlace()
    const first = place.store({ mirror: { backend: new MemoryBackend() } })
    await posted(first, alice, 'one')
    await first.mirror()
    await first.close()
    rmSync(String(place.backend().location), { recursive: true })
    for (const mirror of [undefined, { backend: new MemoryBackend() }]) {
      const blobs = place.store({ mirror })
      await expect(blobs.heal()).rejects.toThrow()
      await blobs.close()
      await expect(place.store().ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    }
    const copyOf = () => Promise.resolve(bytes('one'))
    expect(await place.store({ mirror: undefined }).heal({ copyOf })).toMatchObject({ healed: 1 })
  })

  test('gets the rest, though much of what waits cannot be read', async () => {
    const place = memoryPlace()
    const [backend, mirrored] = [place.backend(), new MemoryBackend()]
    const blobs = place.store({ mirror: { backend: mirrored } })
    await blobs.mirror()
    for (let n = 0; n < 30; n++) await blobs.upload(alice, bytes(`bad ${n}`))
    const bad = new Set((await backend.list()).keys)
    const get = backend.get.bind(backend)
    backend.get = (key, options) => (bad.has(key) ? Promise.reject(new Error('EIO')) : get(key, options))
    place.clock.advance(1)
    await blobs.upload(alice, bytes('good'))
    await expect(blobs.mirror()).rejects.toThrow('EIO')
    for (let run = 0; run < 3; run++) await blobs.mirror().catch(() => {})
    expect((await mirrored.list()).keys).toHaveLength(1)
    backend.get = get
    await blobs.mirror()
    await blobs.mirror()
    expect((await mirrored.list()).keys).toHaveLength(31)
  })

  test('stays in use until the last process leaves', async () => {
    const place = diskPlace()
    const root = temporaryFolder()
    const mirror = () => ({ backend: new DiskBackend({ root, durability: 'relaxed' }) })
    const [host, command] = [place.store({ mirror: mirror() }), place.store({ mirror: mirror() })]
    const marker = async () => JSON.parse((await mirror().backend.readMarker()) ?? '')
    await host.mirror()
    await command.mirror()
    const { until, epoch } = await marker()
    await command.close()
    expect(await marker()).toMatchObject({ until })
    await host.close()
    expect(await marker()).toMatchObject({ until: 0, epoch: epoch + 1 })
  })

  test('loses no copy when its disk goes away while copies are verified, and comes back', async () => {
    const place = diskPlace()
    const root = join(temporaryFolder(), 'mirror')
    const backend = new DiskBackend({ root, durability: 'relaxed' })
    const blobs = place.store({ mirror: { backend } })
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    await lose(place.backend())
    const get = backend.get.bind(backend)
    backend.get = async (...given) => {
      if (existsSync(root)) renameSync(root, `${root} is away`)
      return get(...given)
    }
    const { findings } = await blobs.mirror({ verifyOlderThan: 0 })
    expect(findings).toMatchObject([{ cid, problem: 'failed' }])
    renameSync(`${root} is away`, root)
    backend.get = get
    await blobs.collect()
    expect(await blobs.heal()).toMatchObject({ healed: 1, findings: [] })
  })
})
