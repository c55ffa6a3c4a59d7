import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type BlobBackend,
  type BlobStore,
  BlobStoreError,
  type BlobStoreOptions,
  cidOfBytes,
  createBlobStore,
  DiskBackend,
  isBlobStoreError,
  sqliteMetadata,
} from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { Gate, meddle } from '../support/meddling.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, chunks, day, hour, post, text, unpost } from '../support/samples.ts'

// Fails when migrate keeps the key, does not compare the old one, or counts a copy that does not verify; when a process
// may write where another does not look; when a backend that still has bytes is retired.

/** A store that moves from the backend `disk` to the backend `new`, on the folders of one test. */
class MovingPlace extends FolderPlace {
  readonly newRoot: string = join(this.folder, 'new')

  readonly disk = (): BlobBackend => this.backend()
  readonly fresh = (): BlobBackend => new DiskBackend({ root: this.newRoot, name: 'new', durability: 'relaxed' })

  /** A store that writes to `write`, and is given both unless the test says otherwise. */
  moving(write: 'disk' | 'new', all: readonly BlobBackend[] = [this.disk(), this.fresh()]): BlobStore {
    return this.store({ backend: { write, all: Object.fromEntries(all.map((one) => [one.name, one])) } })
  }

  files(root: string): string[] {
    const entries = readdirSync(join(root, 'blobs'), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
  }
}

async function filled(place: MovingPlace): Promise<{ blobs: BlobStore; large: string }> {
  const blobs = place.moving('disk')
  const large = await blobs.upload(alice, chunks(3, 700_000))
  await post(blobs, alice, 'large', large)
  for (const did of [alice, bob]) await post(blobs, did, 'shared', await blobs.upload(did, bytes('shared')))
  await blobs.upload(alice, bytes('temporary'))
  await blobs.upload(alice, bytes(''))
  // Second copies of known bytes are deleted.
  place.clock.advance(hour)
  await blobs.collect()
  return { blobs, large: large.ref.toString() }
}

describe('migrate', () => {
  test('moves everything while the store serves, and the old backend may be removed when its delete delay is over', async () => {
    const place = new MovingPlace()
    const { blobs: before, large } = await filled(place)
    await before.close()

    const blobs = place.moving('new')
    const progress: number[] = []
    const report = await blobs.migrate({ onProgress: ({ examined }) => progress.push(examined) })
    expect(report).toMatchObject({ examined: 4, objects: 4, moved: 4, superseded: 0, findings: [] })
    expect(report.bytes).toBe(3 * 700_000 + 'shared'.length + 'temporary'.length)
    expect(report.use).toEqual({ disk: { content: false, uploads: false, doomed: true, writers: 0 } })
    expect(progress).toEqual([1, 2, 3, 4])
    expect(cidOfBytes(await (await blobs.read(alice, large)).bytes())).toBe(large)
    expect(await text((await blobs.read(bob, cidOfBytes(bytes('shared')))).body)).toBe('shared')
    expect(place.files(place.newRoot)).toHaveLength(4)

    place.clock.advance(2 * day)
    await blobs.collect()
    expect(place.files(place.root)).toEqual([])
    const again = await blobs.migrate()
    expect(again).toMatchObject({ moved: 0, use: { disk: { content: false, doomed: false } } })
    await blobs.close()

    const alone = place.store({ backend: place.fresh() })
    expect(cidOfBytes(await (await alone.read(alice, large)).bytes())).toBe(large)
  })

  test('is not complete as long as bytes are in the old backend, which cannot be left out before', async () => {
    const place = new MovingPlace()
    const { blobs } = await filled(place)
    await blobs.close()
    const both = place.moving('new')
    await both.ready()
    await both.close()
    const alone = place.store({ backend: place.fresh() })
    await expect(alone.ready()).rejects.toMatchObject({
      code: 'StoreMismatch',
      message: expect.stringContaining('disk'),
    })
  })

  test('never writes where another open process would not find it', async () => {
    const place = new MovingPlace()
    const old = place.store()
    await old.ready()
    const early = place.moving('new')
    await expect(early.ready()).rejects.toMatchObject({ code: 'StoreMismatch', transient: true })
    await old.close()
    await early.ready()
  })

  test('does not wait for ever for a process that was killed', async () => {
    const place = new MovingPlace()
    await sqliteMetadata(place.database, { durability: 'relaxed', now: place.clock.now })
      .open()
      .then(async (metadata) => {
        await metadata.identity()
        await metadata.enter({
          id: 'killed',
          backends: ['disk'],
          writesTo: 'disk',
          lease: 300_000,
          opening: true,
          times: {},
          defaults: {},
        })
        await metadata.close()
      })
    await expect(place.moving('new').ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    place.clock.advance(300_001)
    await place.moving('new').ready()
  })

  test('says who still writes to the old backend', async () => {
    const place = new MovingPlace()
    await (await filled(place)).blobs.close()
    const blobs = place.moving('disk')
    await blobs.ready()
    const mover = place.moving('new')
    expect((await mover.migrate()).use).toMatchObject({ disk: { writers: 1 } })
    const { ref } = await blobs.upload(bob, bytes('to the old one still'))
    expect((await mover.migrate()).use).toMatchObject({ disk: { content: false, writers: 1 } })
    await blobs.close()
    place.clock.advance(2 * 3_600_000)
    await mover.collect()
    expect(await text((await mover.read(bob, ref.toString(), { as: 'account' })).body)).toBe('to the old one still')
  })

  test('moves back', async () => {
    const place = new MovingPlace()
    const { blobs, large } = await filled(place)
    await blobs.close()
    const there = place.moving('new')
    await there.migrate()
    await there.close()
    const back = place.moving('disk')
    expect(await back.migrate()).toMatchObject({ moved: 4 })
    expect(cidOfBytes(await (await back.read(alice, large)).bytes())).toBe(large)
    place.clock.advance(2 * day)
    await back.collect()
    expect(place.files(place.newRoot)).toEqual([])
  })

  test('leaves bytes alone that are replaced or deleted meanwhile', async () => {
    const place = new MovingPlace()
    const gate = new Gate()
    const slow = meddle(place.fresh(), {
      put: async (key, body, options) => {
        await gate.pass()
        return target.put(key, body, options)
      },
    })
    const target = place.fresh()
    const { blobs } = await filled(place)
    const mover = place.moving('new', [place.disk(), slow])
    await target.open()
    const moving = mover.migrate()
    await gate.reached
    await unpost(blobs, alice, 'large')
    place.clock.advance(2 * day)
    await blobs.collect()
    gate.open()
    expect((await moving).superseded).toBeGreaterThan(0)
    // In two days a running copy lost its row: such bytes move with the next.
    expect(await mover.migrate()).toMatchObject({ superseded: 0, use: { disk: { content: false } } })
    await blobs.close()
    for (let round = 0; round < 3; round++) {
      place.clock.advance(2 * day)
      await mover.collect()
      await mover.sweep()
    }
    expect(place.files(place.root)).toEqual([])
    expect(place.files(place.newRoot)).toHaveLength(1)
    expect(await text((await mover.read(bob, cidOfBytes(bytes('shared')))).body)).toBe('shared')
    await target.close()
  })

  test('reports bytes that are missing or damaged, and leaves them where they are', async () => {
    const place = new MovingPlace()
    const { blobs, large } = await filled(place)
    writeFileSync(place.fileOf(cidOfBytes(bytes('shared'))), 'Shared')
    writeFileSync(place.fileOf(large), 'short')
    await blobs.close()
    const mover = place.moving('new')
    const told: string[] = []
    const report = await mover.migrate({ onFinding: ({ problem }) => told.push(problem) })
    expect(report).toMatchObject({ moved: 2, use: { disk: { content: true } } })
    expect(report.findings).toHaveLength(2)
    expect(told).toEqual(['damaged', 'damaged'])
    await post(mover, bob, 'healed', await mover.upload(bob, bytes('shared')))
    expect(await text((await mover.read(alice, cidOfBytes(bytes('shared')))).body)).toBe('shared')
  })

  test('gives up when everything fails, and continues when it is called again', async () => {
    const place = new MovingPlace()
    const blobs = place.moving('disk')
    for (let at = 0; at < 30; at++) await blobs.upload(alice, bytes(`number ${at}`))
    await blobs.close()
    const down = new Error('down')
    const broken = place.moving('new', [place.disk(), meddle(place.fresh(), { put: () => Promise.reject(down) })])
    await expect(broken.migrate({ concurrency: 1 })).rejects.toBe(down)
    await broken.close()
    expect(await place.moving('new').migrate()).toMatchObject({ moved: 30, findings: [] })
  })

  test('ends when it is aborted, and reports what it would do in a dry run', async () => {
    const place = new MovingPlace()
    const { blobs } = await filled(place)
    await blobs.close()
    const mover = place.moving('new')
    expect(await mover.migrate({ dryRun: true })).toMatchObject({ moved: 4, use: {} })
    expect(place.files(place.root)).toHaveLength(4)
    const stopping = new AbortController()
    const reason = new Error('enough')
    const stopped = mover.migrate({
      concurrency: 1,
      signal: stopping.signal,
      onProgress: ({ examined }) => examined === 2 && stopping.abort(reason),
    })
    await expect(stopped).rejects.toBe(reason)
    expect(await mover.migrate()).toMatchObject({ moved: 2 })
  })

  test('refuses invalid names', async () => {
    const place = new MovingPlace()
    const backend = place.disk()
    const metadata = sqliteMetadata(join(temporaryFolder(), 'x.sqlite'))
    const make = (given: unknown) => () =>
      createBlobStore({ backend: given as BlobStoreOptions['backend'], metadata }).close()
    expect(make({ write: 's3', all: { disk: backend } })).toThrow(/backend.write/)
    expect(make({ write: 'disk', all: { disk: place.fresh() } })).toThrow(/has the name new/)
    expect(make({ write: 'disk', all: { disk: {} } })).toThrow(/backend.all.disk/)
    expect(make({ write: 'disk', all: {}, read: 1 })).toThrow(/unknown option/)
    expect(make(undefined)).toThrow(/must be a BlobBackend/)
    const blobs = place.moving('new')
    for (const from of ['new', 's3']) {
      const error = await blobs.migrate({ from: [from] }).catch((error: unknown) => error)
      expect(isBlobStoreError(error, 'InvalidArgument'), from).toBe(true)
    }
  })
})

describe('a process that was paused while its backend was retired', () => {
  /** Its lease ended, everything was moved, and the backend is retired; then it continues. */
  async function paused(size: number) {
    const place = new MovingPlace()
    const old = place.moving('disk')
    await post(old, alice, 'a', await old.upload(alice, bytes('moves')))
    place.clock.advance(hour)
    const mover = place.moving('new')
    expect(await mover.migrate()).toMatchObject({ moved: 1 })
    place.clock.advance(3 * day)
    await mover.collect()
    const { use } = await mover.migrate()
    expect(use.disk).toEqual({ content: false, uploads: false, doomed: false, writers: 0 })
    return { place, old, mover, blob: Buffer.alloc(size, 1) }
  }

  // Fails when an upload is announced without checking the backend's row: the blob is lost with the old disk.
  test.each([10, 2 * 1024 * 1024])('writes nothing there any more (%i bytes)', async (size) => {
    const { place, old, mover, blob } = await paused(size)
    await expect(old.upload(alice, blob)).rejects.toMatchObject({ code: 'StoreMismatch', backend: 'disk' })
    // Fails when a process that renews its entry brings the backend back: the disk may be gone by then.
    const metadata = await sqliteMetadata(place.database, { durability: 'relaxed', now: place.clock.now }).open()
    const note = { id: 'paused', backends: ['disk', 'new'], writesTo: 'disk', lease: hour, times: {}, defaults: {} }
    await expect(metadata.enter({ ...note, opening: false })).rejects.toMatchObject({ code: 'StoreMismatch' })
    await metadata.close()
    await expect(old.upload(alice, blob), 'still').rejects.toMatchObject({ code: 'StoreMismatch' })
    const { moved, findings } = await old.migrate()
    expect([moved, findings]).toMatchObject([0, [{ problem: 'failed', error: { code: 'StoreMismatch' } }]])
    expect(place.files(place.root)).toEqual([])
    expect(await text((await old.read(alice, cidOfBytes(bytes('moves')))).body)).toBe('moves')
    expect(await mover.usage(alice)).toMatchObject({ reserved: 0, count: 1 })
  })
})

// Fails when the source is opened before the spool exists: it would hold a file, or a socket, for an unknown time.
test('a target without room for a spool leaves no body of the source open', async () => {
  const place = new MovingPlace()
  const before = place.moving('disk')
  for (let n = 0; n < 3; n++) await before.upload(alice, Buffer.alloc(2 * 1024 * 1024, n))
  await before.close()
  let open = 0
  const [disk, fresh] = [place.disk(), place.fresh()]
  const source = meddle(disk, {
    get: async (key, options) => {
      const object = await disk.get(key, options)
      if (object) open += 1
      return object
    },
  })
  const full = new BlobStoreError('StorageFull', 'full', { backend: 'new' })
  const target = meddle(fresh, { spool: async () => Promise.reject(full) })
  const { findings } = await place.moving('new', [source, target]).migrate()
  expect(findings).toMatchObject(Array(3).fill({ problem: 'failed', error: full }))
  expect(open).toBe(0)
})
