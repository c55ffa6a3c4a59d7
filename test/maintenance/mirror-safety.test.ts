import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type BlobBackend,
  type BlobStore,
  BlobStoreError,
  DiskBackend,
  MemoryBackend,
  type ReadOptions,
  sqliteMetadata,
} from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { Gate, meddle, meddleMetadata } from '../support/meddling.ts'
import { hostDatabases, places, temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, chunks, day, hour, post, text, unpost } from '../support/samples.ts'

// What a mirror must never do: mix two stores, spread damage, bring back what is gone, or stand in the way.

class MirroredPlace extends FolderPlace {
  readonly mirrorRoot: string = join(this.folder, 'mirror')

  mirrored(root: string = this.mirrorRoot): BlobBackend {
    return new DiskBackend({ root, name: 'second', durability: 'relaxed' })
  }

  open(options: Parameters<FolderPlace['store']>[0] = {}): BlobStore {
    return this.store({ mirror: { backend: this.mirrored() }, ...options })
  }

  copies(root: string = this.mirrorRoot): string[] {
    const files = readdirSync(join(root, 'blobs'), { recursive: true, withFileTypes: true })
    return files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  }
}

function flip(file: string, at = 0): void {
  const content = readFileSync(file)
  content.writeUInt8(content.readUInt8(at) ^ 1, at)
  writeFileSync(file, content)
}

async function posted(blobs: BlobStore, did: string, name: string): Promise<string> {
  const ref = await blobs.upload(did, bytes(name))
  await post(blobs, did, name, ref)
  return String(ref.ref)
}

/** Deletes bytes in a backend behind its store's back. */
async function lose(backend: BlobBackend): Promise<void> {
  for (const key of (await backend.list()).keys) await backend.delete([key])
}

const readText = async (blobs: BlobStore, did: string, cid: string, options: ReadOptions = {}) =>
  text((await blobs.read(did, cid, options)).body)

describe('whose mirror it is', () => {
  test('a store refuses the mirror of another one, and changes nothing there', async () => {
    const [one, other] = [new MirroredPlace(), new MirroredPlace()]
    const [blobs, others] = [one.open(), other.store({ mirror: { backend: one.mirrored() } })]
    await posted(blobs, alice, 'ours')
    await blobs.mirror()
    await posted(others, alice, 'theirs')
    await expect(others.mirror()).rejects.toMatchObject({
      code: 'StoreMismatch',
      message: expect.stringMatching(/that of another store/),
    })
    expect(one.copies()).toHaveLength(1)
    expect((await others.health()).mirror).toMatchObject({ ok: false, error: expect.stringContaining('another store') })
  })

  test('a store refuses its own folder, that of another store, and a folder with blobs and no marker', async () => {
    const place = new MirroredPlace()
    const other = new MirroredPlace()
    await posted(other.store(), alice, 'theirs')
    for (const root of [place.root, other.root]) {
      const blobs = place.store({ mirror: { backend: place.mirrored(root) } })
      await posted(blobs, alice, 'a')
      await expect(blobs.mirror()).rejects.toMatchObject({
        code: 'StoreMismatch',
        message: expect.stringMatching(/keeps its own bytes/),
      })
      await blobs.close()
    }
    rmSync(join(other.root, 'marker'))
    const blobs = place.store({ mirror: { backend: place.mirrored(other.root) } })
    await expect(blobs.mirror()).rejects.toMatchObject({
      code: 'StoreMismatch',
      message: expect.stringMatching(/no `marker`/),
    })
    expect(other.copies(other.root)).toHaveLength(1)
  })

  test('a mirror cannot become the backend', async () => {
    const place = new MirroredPlace()
    const blobs = place.open()
    await posted(blobs, alice, 'a')
    await blobs.mirror()
    await blobs.close()
    await expect(place.store({ root: place.mirrorRoot }).ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect(place.copies()).toHaveLength(1)
  })

  test('an emptied mirror is refused, as an unmounted disk looks the same, until a new one is begun', async () => {
    const place = new MirroredPlace()
    const blobs = place.open()
    await posted(blobs, alice, 'a')
    await blobs.mirror()
    await blobs.close()
    rmSync(place.mirrorRoot, { recursive: true })
    const again = place.open()
    await expect(again.mirror()).rejects.toMatchObject({
      code: 'StoreMismatch',
      message: expect.stringMatching(/the database knows copies/),
    })
    expect(await again.mirror({ begin: true })).toMatchObject({ copied: 1, findings: [] })
    expect(place.copies()).toHaveLength(1)
    await expect(again.mirror({ begin: true })).rejects.toMatchObject({
      code: 'StoreMismatch',
      message: expect.stringMatching(/not empty/),
    })
    expect(place.copies()).toHaveLength(1)
  })

  test('no backend has the name of the mirror, and a mirror is a backend', () => {
    const place = new MirroredPlace()
    const backend = new MemoryBackend({ name: 'mirror' })
    for (const options of [{ backend }, { backend, mirror: undefined }]) {
      expect(() => place.open(options)).toThrow('mirror is the name of the mirror')
    }
    for (const wrong of [{}, 'folder', { backend: 'folder' }, { backend, delay: -1 }, { backend, late: 1 }]) {
      expect(() => place.store({ mirror: wrong as never })).toThrow(
        expect.objectContaining({ code: 'InvalidArgument' }),
      )
    }
  })
})

test('a marker with an epoch that no key can have is refused, here and in the mirror, and changes nothing', async () => {
  const place = new MirroredPlace()
  const blobs = place.open()
  await posted(blobs, alice, 'precious')
  await blobs.mirror()
  await blobs.close()
  for (const backend of [place.backend(), place.mirrored()]) {
    await backend.open()
    const marker = String(await backend.readMarker())
    await backend.writeMarker(JSON.stringify({ ...JSON.parse(marker), epoch: 99_999_999_999 }))
    const again = place.open()
    await expect(again.mirror()).rejects.toMatchObject({ code: 'StoreMismatch' })
    await again.close()
    await backend.writeMarker(marker)
  }
  const again = place.open()
  await again.mirror()
  await again.upload(alice, bytes('still possible'))
})

test('a mirror to which nothing can be written is read, healed from and deleted from, and health says so', async () => {
  const place = new MirroredPlace()
  const before = place.open()
  const cid = await posted(before, alice, 'precious')
  const other = await posted(before, alice, 'illegal')
  await before.mirror()
  await before.close()
  const mirrored = place.mirrored()
  const full = new BlobStoreError('StorageFull', 'No space left')
  mirrored.writeMarker = () => Promise.reject(full)
  const blobs = place.store({ mirror: { backend: mirrored } })
  await expect(blobs.mirror()).rejects.toBe(full)
  expect((await blobs.health()).mirror).toMatchObject({ ok: false, error: 'No space left' })
  expect((await blobs.purge('*', other)).goneAt).not.toBe(null)
  expect(place.copies()).toHaveLength(1)
  rmSync(place.root, { recursive: true })
  expect(await readText(blobs, alice, cid)).toBe('precious')
  expect(await blobs.heal()).toMatchObject({ healed: 1, findings: [] })
})

test('a mirror that was begun after the backup is taken whole, although the first attempt was cut short', async () => {
  const place = new MirroredPlace()
  const before = place.store()
  await before.upload(alice, bytes('before'))
  await before.close()
  const copy = place.backUp()
  const blobs = place.open()
  await blobs.mirror()
  await blobs.close()
  place.putBack(copy)
  rmSync(place.root, { recursive: true })
  const cutting = place.mirrored()
  vi.spyOn(cutting, 'list').mockRejectedValue(new Error('Cut short'))
  await expect(place.store({ mirror: { backend: cutting } }).heal()).rejects.toThrow('Cut short')
  expect(await place.open().heal()).toMatchObject({ healed: 1, findings: [] })
})

describe('damage', () => {
  test('in the backend is not copied, and the good copy stays', async () => {
    const place = new MirroredPlace()
    const blobs = place.open()
    const cid = await posted(blobs, alice, 'precious')
    flip(place.fileOf(cid))
    expect(await blobs.mirror()).toMatchObject({ copied: 0, findings: [{ cid, problem: 'damaged' }] })
    expect(place.copies()).toEqual([])
    await blobs.upload(bob, bytes('precious'))
    expect(await blobs.mirror()).toMatchObject({ copied: 1, findings: [] })
    flip(place.fileOf(cid))
    expect(await blobs.mirror({ compare: true })).toMatchObject({ copied: 0, findings: [] })
    expect(readFileSync(place.copies()[0] as string, 'utf8')).toBe('precious')
  })

  test('in the backend is read from the mirror when it is verified, and from then on', async () => {
    const place = new MirroredPlace()
    const warnings: string[] = []
    const log = (_details: object, message: string) => void warnings.push(message)
    const blobs = place.open({ logger: { info() {}, warn: log, error() {} } })
    const small = await posted(blobs, alice, 'precious')
    const ref = await blobs.upload(alice, chunks(40, 100_000))
    await post(blobs, alice, 'large', ref)
    const large = String(ref.ref)
    await blobs.mirror()
    for (const cid of [small, large]) flip(place.fileOf(cid))
    expect(await readText(blobs, alice, small, { verify: true })).toBe('precious')
    expect(await readText(blobs, alice, small)).toBe('precious')
    await expect(readText(blobs, alice, large, { verify: true })).rejects.toMatchObject({ code: 'BlobDamaged' })
    expect((await (await blobs.read(alice, large, { verify: true })).bytes()).byteLength).toBe(4_000_000)
    expect(warnings.filter((message) => message.includes('read from the mirror'))).toHaveLength(1)
    expect((await blobs.health()).mirror).toMatchObject({ reads: 3 })
    expect((await blobs.scrub({ olderThan: 0 })).findings).toMatchObject([{ repaired: true }, { repaired: true }])
  })

  test('in the mirror is found when its copies are verified, and they are made again', async () => {
    const place = new MirroredPlace()
    const blobs = place.open()
    const cids = [
      await posted(blobs, alice, 'one'),
      await posted(blobs, alice, 'two'),
      await posted(blobs, bob, 'three'),
    ]
    await blobs.mirror()
    const [rotten = '', missing = ''] = place.copies()
    flip(rotten)
    rmSync(missing)
    const report = await blobs.mirror({ verifyOlderThan: 0 })
    expect(report).toMatchObject({ verified: 1, copied: 2 })
    expect(report.findings).toMatchObject([{ problem: 'copyDamaged' }, { problem: 'copyDamaged' }])
    await blobs.collect()
    expect(place.copies()).toHaveLength(3)
    expect(await blobs.mirror({ verifyOlderThan: 0 })).toMatchObject({ findings: [] })
    rmSync(place.root, { recursive: true })
    for (const cid of cids) await readText(blobs, cid === cids[2] ? bob : alice, cid)
  })

  test('in both is an error that says so, and no bad copy is taken, nor keeps a good one from being made', async () => {
    const place = new MirroredPlace()
    const blobs = place.open()
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    flip(place.copies()[0] as string)
    rmSync(place.root, { recursive: true })
    await expect(blobs.heal()).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect(await blobs.heal({ acceptLoss: true })).toMatchObject({ healed: 0, findings: [{ cid, problem: 'lost' }] })
    await expect(readText(blobs, alice, cid, { verify: true })).rejects.toMatchObject({ code: 'BlobMissing' })
    const copyOf = async () => bytes('precious')
    expect(await blobs.heal({ copyOf })).toMatchObject({ healed: 1, findings: [] })
    expect(await readText(blobs, alice, cid, { verify: true })).toBe('precious')
    expect(await blobs.mirror()).toMatchObject({ copied: 1 })
  })
})

const badSector = () => new BlobStoreError('StorageFailed', 'The device failed (EIO)', { backend: 'memory' })

describe('a bad sector', () => {
  /** A store with a mirror, whose backend fails with `error` at a chunk of each body (from 1), or when it opens one. */
  async function failing() {
    const inner = new MemoryBackend()
    const fault: { error: Error | null; at: number } = { error: null, at: 1 }
    const backend = meddle(inner, {
      async get(key, options) {
        if (fault.error && fault.at === 0) throw fault.error
        const object = await inner.get(key, options)
        return object && { size: object.size, body: bodyOf(object.body) }
      },
    })
    async function* bodyOf(body: AsyncIterable<Uint8Array>) {
      let at = 0
      for await (const chunk of body) {
        for (const half of [chunk.subarray(0, 4), chunk.subarray(4)]) {
          at += 1
          if (fault.error && fault.at === at) throw fault.error
          yield half
        }
      }
    }
    const mirrored = new MemoryBackend()
    const place = new FolderPlace()
    const open = (mirror?: { backend: BlobBackend }) => place.store({ backend, ...(mirror && { mirror }) })
    const blobs = open({ backend: mirrored })
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    return { place, blobs, cid, fault, mirrored, inner, open }
  }

  const ways = [{}, { verify: true }, { range: { start: 2, end: 6 } }, { range: { start: 2, end: 6 }, verify: true }]
  const reads = ways.flatMap((options) => [0, 1].map((at) => ({ at, options, what: JSON.stringify(options) })))

  test.each(reads)('at opening or at chunk $at is read from the mirror, with $what', async ({ at, options }) => {
    const { blobs, cid, fault } = await failing()
    Object.assign(fault, { error: badSector(), at })
    expect(await readText(blobs, alice, cid, options)).toBe(options.range ? 'eciou' : 'precious')
    expect((await blobs.health()).mirror).toMatchObject({ reads: 1 })
  })

  test('is an error without a mirror, without a good copy, and after bytes were given to the reader', async () => {
    const { blobs, cid, fault, mirrored, open } = await failing()
    fault.error = badSector()
    fault.at = 2
    const { chunks } = await blobs.read(alice, cid)
    expect(Buffer.from((await chunks.next()).value ?? []).toString()).toBe('prec')
    await expect(chunks.next()).rejects.toBe(fault.error)
    fault.at = 1
    await lose(mirrored)
    await expect(readText(blobs, alice, cid)).rejects.toBe(fault.error)
    await blobs.close()
    await expect(readText(open(), alice, cid)).rejects.toBe(fault.error)
  })

  test('is nothing that passes: an overload, or the abort of the reader, asks no mirror', async () => {
    const { blobs, cid, fault } = await failing()
    const passing = new BlobStoreError('StorageFailed', 'Too many files (EMFILE)', { transient: true })
    for (const error of [passing, new DOMException('Left', 'AbortError')]) {
      for (const at of [0, 1]) {
        Object.assign(fault, { error, at })
        await expect(readText(blobs, alice, cid)).rejects.toBe(error)
      }
    }
    expect((await blobs.health()).mirror).toMatchObject({ reads: 0 })
  })
})

describe('scrubbing a bad sector', () => {
  async function failing(mirrored?: BlobBackend) {
    const place = new FolderPlace()
    const inner = new MemoryBackend()
    const bad = new Set<string>()
    const backend = meddle(inner, {
      async get(key, options) {
        const object = await inner.get(key, options)
        if (!bad.has(key)) return object
        const body = async function* () {
          yield bytes('pre')
          throw badSector()
        }
        return object && { size: object.size, body: body() }
      },
    })
    const blobs = place.store({ backend, ...(mirrored && { mirror: { backend: mirrored } }) })
    const cid = await posted(blobs, alice, 'precious')
    if (mirrored) await blobs.mirror()
    const [key = ''] = (await inner.list()).keys
    bad.add(key)
    return { place, blobs, cid, inner, key, bad }
  }

  test('repairs it from the mirror, and keeps what could not be read for the delete delay', async () => {
    const mirrored = new MemoryBackend()
    const { place, blobs, cid, inner, key } = await failing(mirrored)
    const { findings } = await blobs.scrub({ olderThan: 0 })
    expect(findings).toMatchObject([{ cid, problem: 'unreadable', repaired: true }])
    expect((await blobs.scrub({ olderThan: 0 })).findings).toEqual([])
    await lose(mirrored)
    expect(await readText(blobs, alice, cid)).toBe('precious')
    expect((await inner.list()).keys).toContain(key)
    place.clock.advance(2 * day + hour)
    await blobs.collect()
    expect((await inner.list()).keys).not.toContain(key)
  })

  test('repairs it from copyOf, if that has the right bytes, and otherwise leaves it as it was', async () => {
    const { place, blobs, cid, key } = await failing()
    const database = new Database(place.database, { readonly: true })
    onTestFinished(() => void database.close())
    const row = () => database.prepare('SELECT key, verified_at FROM blobstore_content').get()
    const before = row()
    expect(before).toMatchObject({ key, verified_at: expect.any(Number) })
    for (const copyOf of [undefined, async () => bytes('precioux'), () => Promise.reject(new Error('down'))]) {
      const { findings } = await blobs.scrub({ olderThan: 0, copyOf })
      expect(findings).toMatchObject([{ cid, problem: 'unreadable', repaired: false }])
    }
    expect(row()).toEqual(before)
    const { findings } = await blobs.scrub({ olderThan: 0, copyOf: async () => bytes('precious') })
    expect(findings).toMatchObject([{ cid, problem: 'unreadable', repaired: true }])
    expect(await readText(blobs, alice, cid)).toBe('precious')
  })
})

describe.each(places)('a copy in the mirror at a bad sector, beside $name', ({ make }) => {
  /** The copies that there are when it begins cannot be read while `fault.error` is set. */
  async function failing() {
    const place = make()
    const [backend, inner] = [new MemoryBackend(), new MemoryBackend()]
    const bad = new Set<string>()
    const fault: { error: Error | null } = { error: badSector() }
    const mirrored = meddle(inner, {
      async get(key, options) {
        if (fault.error && bad.has(key)) throw fault.error
        return inner.get(key, options)
      },
    })
    const blobs = place.store({ backend, mirror: { backend: mirrored } })
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    for (const key of (await inner.list()).keys) bad.add(key)
    const verify = () => blobs.mirror({ verifyOlderThan: 0 })
    const lag = async () => (await blobs.health()).mirror?.lag?.objects
    return { place, blobs, cid, backend, inner, mirrored, bad, fault, verify, lag }
  }

  test('is made again, and deleted by the next verification', async () => {
    const { blobs, cid, backend, inner, bad, fault, verify, lag } = await failing()
    const problem = { cid, problem: 'copyDamaged', error: fault.error }
    expect(await verify()).toMatchObject({ copied: 1, findings: [problem] })
    expect(await lag()).toBe(0)
    await blobs.collect()
    expect((await inner.list()).keys).toHaveLength(2)
    expect(await verify()).toMatchObject({ copied: 0, verified: 1, findings: [problem] })
    await blobs.collect()
    const { keys } = await inner.list()
    expect(keys).toHaveLength(1)
    expect(bad.has(keys[0] ?? '')).toBe(false)
    expect(await verify()).toMatchObject({ verified: 1, findings: [] })
    await lose(backend)
    expect(await readText(blobs, alice, cid)).toBe('precious')
  })

  test('is kept as long as there is no other, and is as good as before when it can be read again', async () => {
    const { place, blobs, cid, backend, fault, verify, lag, inner } = await failing()
    const lost = vi.spyOn(backend, 'get').mockRejectedValue(badSector())
    expect((await verify()).findings).toMatchObject([{ problem: 'copyDamaged' }, { problem: 'failed' }])
    expect(await lag()).toBe(1)
    place.clock.advance(2 * day)
    await blobs.collect()
    fault.error = null
    expect(await verify()).toMatchObject({ verified: 1, copied: 0 })
    await blobs.mirror()
    expect(await lag()).toBe(0)
    expect(await readText(blobs, alice, cid)).toBe('precious')
    lost.mockRestore()
    expect(await verify()).toMatchObject({ verified: 1, findings: [] })
    expect((await inner.list()).keys).toHaveLength(1)
  })

  test('is only reported if the failure passes, or the mirror is not there', async () => {
    const { blobs, fault, mirrored, bad, inner, verify, lag } = await failing()
    fault.error = new BlobStoreError('StorageFailed', 'Too many files (EMFILE)', { transient: true })
    expect(await verify()).toMatchObject({ copied: 0, findings: [{ problem: 'failed' }] })
    fault.error = badSector()
    const marker = vi.spyOn(mirrored, 'readMarker')
    vi.spyOn(mirrored, 'get').mockImplementationOnce(async () => {
      marker.mockRejectedValueOnce(badSector())
      throw badSector()
    })
    expect(await verify()).toMatchObject({ copied: 0, findings: [{ problem: 'failed' }] })
    expect(await lag()).toBe(0)
    await blobs.collect()
    expect((await inner.list()).keys).toEqual([...bad])
  })
})

describe('a mirror that hangs', () => {
  test.each(['readMarker', 'get'] as const)(
    'in %s keeps nobody from bytes that only count as damaged',
    async (hangs) => {
      const backend = new MemoryBackend()
      const place = new FolderPlace()
      const mirrored = new MemoryBackend()
      const blobs = place.store({ backend, mirror: { backend: mirrored } })
      const cid = await posted(blobs, alice, 'precious')
      await blobs.mirror()
      const [open, put] = [mirrored.get.bind(mirrored), vi.spyOn(backend, 'put').mockRejectedValue(new Error('Full'))]
      const get = vi.spyOn(backend, 'get').mockResolvedValueOnce(null)
      expect((await blobs.scrub({ olderThan: 0 })).findings).toMatchObject([{ problem: 'missing', repaired: false }])
      put.mockRestore()
      get.mockClear()

      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const now = performance.now()
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + hour) // it was verified long ago
      onTestFinished(() => clock.mockRestore())
      const gate = new Gate()
      const closed = vi.fn()
      const hanging = {
        readMarker: () => gate.pass().then(() => null),
        async get(key: string) {
          await gate.pass()
          const object = await open(key)
          if (object) object.body.return = closed
          return object
        },
      }
      vi.spyOn(mirrored, hangs).mockImplementation(hanging[hangs] as never)
      const read = readText(blobs, alice, cid)
      await gate.reached
      await vi.advanceTimersByTimeAsync(4900)
      expect(get).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(200)
      expect(await read).toBe('precious')
      gate.open()
      if (hangs === 'get') await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
    },
  )

  test('after its copy was opened is no longer cut by the time to open it', async () => {
    const place = new FolderPlace()
    const mirrored = new MemoryBackend()
    const gate = new Gate()
    const open = mirrored.get.bind(mirrored)
    mirrored.get = async (key, { signal } = {}) => {
      const object = await open(key)
      const body = async function* () {
        await gate.pass()
        signal?.throwIfAborted()
        if (object) yield* object.body
      }
      return object && { size: object.size, body: body() }
    }
    const blobs = place.store({ mirror: { backend: mirrored } })
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    rmSync(place.fileOf(cid))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const read = (await blobs.read(alice, cid)).bytes()
    await gate.reached
    await vi.advanceTimersByTimeAsync(20_000)
    gate.open()
    expect(Buffer.from(await read).toString()).toBe('precious')
  })
})

test('a body that ends because the store was closed does not go on in the mirror', async () => {
  const [host] = hostDatabases as [(typeof hostDatabases)[number]]
  const place = host.make()
  const mirrored = new MemoryBackend()
  const blobs = place.store({ mirror: { backend: mirrored }, backend: new DiskBackend({ root: temporaryFolder() }) })
  const ref = await blobs.upload(alice, chunks(40, 100_000))
  await post(blobs, alice, 'large', ref)
  await blobs.mirror()
  const get = vi.spyOn(mirrored, 'get')
  const { body } = await blobs.read(alice, ref.ref)
  await blobs.close()
  await expect(text(body)).rejects.toMatchObject({ message: expect.stringContaining('closed') })
  expect(get).not.toHaveBeenCalled()
})

describe.each(places)('a mirror beside $name', ({ make }) => {
  test('shows nobody what is taken down, deleted, or somebody else’s', async () => {
    const { store, backend } = make()
    const mirrored = new MemoryBackend()
    const blobs = store({ mirror: { backend: mirrored } })
    const hidden = await posted(blobs, alice, 'hidden')
    const gone = await posted(blobs, bob, 'gone')
    await blobs.mirror()
    for (const { name, keys } of [{ name: backend().name, keys: (await backend().list()).keys }]) {
      expect(name).toBeTruthy()
      await backend().delete(keys)
    }
    await blobs.takedown(alice, hidden)
    await blobs.deleteAccount(bob)
    for (const [did, cid] of [
      [alice, hidden],
      [bob, gone],
      [alice, gone],
    ] as const) {
      await expect(blobs.read(did, cid)).rejects.toMatchObject({ code: 'BlobNotFound' })
    }
    expect(await text((await blobs.read(alice, hidden, { as: 'moderator' })).body)).toBe('hidden')
  })

  test('that is down keeps no upload, no read and no opening waiting', async () => {
    const { store } = make()
    const gate = new Gate()
    const inner = new MemoryBackend()
    const down = meddle(inner, { open: () => gate.pass().then(() => inner.open()) })
    const blobs = store({ mirror: { backend: down } })
    const cid = await posted(blobs, alice, 'a')
    expect(await readText(blobs, alice, cid)).toBe('a')
    expect(await blobs.health({ timeout: 100 })).toMatchObject({ ok: true, mirror: { ok: false } })
    gate.open()
    expect(await blobs.mirror()).toMatchObject({ copied: 1 })
    expect((await blobs.health()).mirror).toMatchObject({ ok: true, lag: { objects: 0, oldest: null } })
  })

  test('copies again what a crash interrupted before or after the bytes, and leaves nothing behind', async () => {
    const { store, clock, metadata } = make()
    const inner = new MemoryBackend()
    let when: 'before' | 'after' | 'never' = 'before'
    const killed = () => Promise.reject(new Error('killed'))
    const crashing = meddle(inner, {
      async put(key, body, options) {
        if (when === 'before') throw new Error('killed')
        await inner.put(key, body, options)
        if (when === 'after') throw new Error('killed')
      },
    })
    const adapter = meddleMetadata(metadata(), () => ({ endCopy: killed }))
    const blobs = store({ mirror: { backend: crashing }, metadata: adapter })
    await posted(blobs, alice, 'a')
    for (when of ['before', 'after'] as const) {
      expect(await blobs.mirror()).toMatchObject({ copied: 0, findings: [{ problem: 'failed' }] })
      clock.advance(2 * hour)
      await blobs.collect()
    }
    when = 'never'
    clock.advance(2 * hour)
    await blobs.collect()
    expect(await blobs.mirror()).toMatchObject({ copied: 1 })
    clock.advance(2 * day)
    await blobs.collect()
    expect((await inner.list()).keys).toHaveLength(1)
  })

  // Fails when the row of a failed copy stays until its lease is over.
  test('copies again at once what failed or was aborted, under a new key, and keeps no purge waiting', async () => {
    const { store, clock } = make()
    const inner = new MemoryBackend()
    const keys: string[] = []
    const stop = new AbortController()
    let fault: 'before' | 'after' | 'abort' | 'none' = 'before'
    const failing = meddle(inner, {
      async put(key, body, options) {
        keys.push(key)
        if (fault === 'before') throw new Error('a lost connection')
        if (fault === 'abort') stop.abort(new Error('stop'))
        options?.signal?.throwIfAborted()
        await inner.put(key, body, options)
        if (fault === 'after') throw new Error('a lost answer')
      },
    })
    const blobs = store({ mirror: { backend: failing } })
    const cid = await posted(blobs, alice, 'a')
    for (fault of ['before', 'after'] as const) {
      expect(await blobs.mirror()).toMatchObject({ copied: 0, findings: [{ problem: 'failed' }] })
    }
    fault = 'abort'
    await expect(blobs.mirror({ signal: stop.signal })).rejects.toThrow('stop')
    fault = 'none'
    await blobs.mirror() // begins behind where the one before was aborted
    expect(await blobs.mirror()).toMatchObject({ copied: 1, findings: [] })
    expect(new Set(keys).size).toBe(4)
    const bad = await posted(blobs, alice, 'illegal')
    fault = 'after'
    expect(await blobs.mirror()).toMatchObject({ copied: 0, findings: [{ cid: bad, problem: 'failed' }] })
    expect(await blobs.purge('*', bad)).toMatchObject({ uploads: 0, goneAt: expect.any(Date) })
    clock.advance(2 * day)
    await blobs.collect()
    expect((await inner.list()).keys).toEqual([expect.stringContaining(cid)])
  })

  test('keeps what a purge of one account must leave to others', async () => {
    const { store } = make()
    const mirrored = new MemoryBackend()
    const blobs = store({ mirror: { backend: mirrored } })
    const cid = await posted(blobs, alice, 'shared')
    await posted(blobs, bob, 'shared')
    await blobs.mirror()
    expect(await blobs.purge(alice, cid)).toMatchObject({ keys: 0, sharedWithOthers: true })
    expect((await mirrored.list()).keys).toHaveLength(1)
  })

  test('keeps the only copy of what the store has lost, though nobody has verified it', async () => {
    const { store, backend, clock } = make()
    const mirrored = new MemoryBackend()
    const blobs = store({ mirror: { backend: mirrored, delay: 0 } })
    const cid = await posted(blobs, alice, 'precious')
    await blobs.mirror()
    await lose(backend())
    const get = vi.spyOn(mirrored, 'get').mockRejectedValue(badSector())
    await blobs.mirror({ verifyOlderThan: 0 })
    for (let days = 0; days < 3; days++) {
      clock.advance(day)
      await blobs.mirror({ compare: true })
      await blobs.collect()
    }
    get.mockRestore()
    expect(await readText(blobs, alice, cid)).toBe('precious')
  })

  test('keeps what nobody knows for its delay, as what nobody needs', async () => {
    const { store, clock } = make()
    const mirrored = new MemoryBackend()
    const blobs = store({ mirror: { backend: mirrored, delay: 5 * day } })
    await posted(blobs, alice, 'a')
    await blobs.mirror()
    await unpost(blobs, alice, 'a')
    const [key = ''] = (await mirrored.list()).keys
    // As the copy of an upload that a restored database has forgotten.
    const forgotten = `${key.slice(0, 61)}-${'z'.repeat(16)}`
    await mirrored.put(forgotten, { size: 1, sha256: new Uint8Array(32), chunks: [bytes('x')] })
    clock.advance(2 * day)
    await blobs.collect()
    await blobs.mirror({ compare: true })
    clock.advance(4 * day)
    await blobs.mirror({ compare: true })
    await blobs.collect()
    expect((await mirrored.list()).keys).toHaveLength(2)
    clock.advance(2 * day)
    expect(await blobs.mirror()).toMatchObject({ deleted: 2 })
    await blobs.collect()
    expect((await mirrored.list()).keys).toEqual([])
  })

  test('keeps, at a purge of one account, what another account had last', async () => {
    const { store } = make()
    const mirrored = new MemoryBackend()
    const blobs = store({ mirror: { backend: mirrored } })
    const cid = await posted(blobs, alice, 'shared')
    await posted(blobs, bob, 'shared')
    await blobs.mirror()
    for (const did of [alice, bob]) await blobs.deleteAccount(did)
    await blobs.purge(alice, cid)
    await blobs.collect()
    expect((await mirrored.list()).keys).toHaveLength(1)
    await blobs.purge('*', cid)
    expect((await mirrored.list()).keys).toEqual([])
  })
})

/** A database in memory has one process. */
const shared = places.filter(({ name }) => !name.includes('SQLite in memory'))

describe.each(shared)('a mirror of several processes beside $name', ({ make }) => {
  test('gets one copy when several processes copy at once', async () => {
    const { store } = make()
    const mirrored = new MemoryBackend()
    const all = [1, 2, 3].map(() => store({ mirror: { backend: mirrored } }))
    const [first] = all as [BlobStore]
    await first.mirror()
    for (let at = 0; at < 20; at++) await posted(first, alice, `blob ${at}`)
    const reports = await Promise.all(all.map((blobs) => blobs.mirror()))
    expect(reports.reduce((sum, { copied }) => sum + copied, 0)).toBe(20)
    expect(reports.flatMap(({ findings }) => findings)).toEqual([])
    await first.collect()
    expect((await first.health()).mirror?.lag).toMatchObject({ objects: 0 })
  })

  test('is purged by a process that has it, when another one without it began', async () => {
    const { store } = make()
    const mirrored = new MemoryBackend()
    const blobs = store({ mirror: { backend: mirrored } })
    const without = store()
    const cid = await posted(blobs, alice, 'illegal')
    await blobs.mirror()
    const report = await without.purge('*', cid)
    expect(report).toMatchObject({ goneAt: null, remainingKeys: 1, remaining: [{ backend: 'mirror' }] })
    expect((await mirrored.list()).keys).toHaveLength(1)
    await blobs.collect()
    expect((await mirrored.list()).keys).toEqual([])
    expect((await blobs.listPurges()).items).toMatchObject([{ goneAt: expect.any(Date) }])
  })

  test('gets everything that was stored before there was one, and what a process without it stored', async () => {
    const { store } = make()
    const without = store()
    await posted(without, alice, 'before')
    const mirrored = new MemoryBackend()
    const blobs = store({ mirror: { backend: mirrored } })
    expect(await blobs.mirror()).toMatchObject({ copied: 1 })
    await posted(without, bob, 'after')
    expect(await blobs.mirror()).toMatchObject({ copied: 1 })
  })
})

describe.each(shared)('on $name, which mirror has the copies', ({ make }) => {
  test('is known although a process still copies to the former one', async () => {
    const place = make()
    const [former, begun] = [new MemoryBackend(), new MemoryBackend()]
    const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const put = former.put.bind(former)
    former.put = async (...args) => {
      reached.resolve()
      await go.promise
      return put(...args)
    }
    const host = place.store({ mirror: { backend: former } })
    await host.mirror()
    await host.upload(alice, bytes('precious'))
    const copying = host.mirror()
    await reached.promise
    const other = place.store({ mirror: { backend: begun } })
    expect(await other.mirror({ begin: true })).toMatchObject({ copied: 0 })
    go.resolve()
    expect(await copying).toMatchObject({ copied: 0 })
    expect(await other.mirror()).toMatchObject({ copied: 1 })
    expect((await begun.list()).keys).toHaveLength(1)
  })

  test('is none, once the mirror was given up: then no purge waits for it, and another may begin', async () => {
    const place = make()
    const blobs = place.store({ mirror: { backend: new MemoryBackend() } })
    const cid = await posted(blobs, alice, 'illegal')
    const kept = await posted(blobs, bob, 'kept')
    await blobs.mirror()
    await expect(blobs.mirror({ forget: true })).rejects.toMatchObject({ code: 'InvalidArgument' })
    await blobs.close()
    const without = place.store()
    /** As a process that was killed while it copied. */
    const intendCopy = async () => {
      const metadata = await place.metadata().open()
      await (await metadata.mirror()).intendMirrored({ key: `${kept}.1-${'a'.repeat(16)}`, cid: kept, lease: 0 })
      await metadata.close()
    }
    await expect(without.mirror({ forget: true, dryRun: true })).rejects.toMatchObject({ code: 'InvalidArgument' })
    expect(await without.purge('*', cid)).toMatchObject({ goneAt: null })
    await intendCopy()
    await without.mirror({ forget: true })
    await without.collect()
    expect((await without.listPurges()).items).toMatchObject([{ goneAt: expect.any(Date) }])
    expect(await without.stats()).toMatchObject({ doomedCount: 0 })
    const another = new MemoryBackend()
    expect(await place.store({ mirror: { backend: another } }).mirror()).toMatchObject({ copied: 1 })
    expect((await another.list()).keys).toHaveLength(1)
  })

  test('is one of two that processes begin at once', async () => {
    const place = make()
    const backends = [new MemoryBackend(), new MemoryBackend()]
    const stores = backends.map((backend) => place.store({ mirror: { backend } }))
    for (let n = 0; n < 5; n++) await stores[0]?.upload(alice, bytes(`blob ${n}`))
    await Promise.all(stores.map((blobs) => blobs.ready()))
    const reports = await Promise.allSettled(stores.map((blobs) => blobs.mirror()))
    const accepted = reports.findIndex(({ status }) => status === 'fulfilled')
    expect(reports[1 - accepted]).toMatchObject({ reason: { code: 'StoreMismatch' } })
    expect((await (backends[accepted] as MemoryBackend).list()).keys).toHaveLength(5)
  })

  test('is a new one, to which all is copied again, although its beginning was cut short', async () => {
    const place = make()
    const backend = new MemoryBackend()
    const host = place.store({ mirror: { backend } })
    await host.upload(alice, bytes('precious'))
    await host.mirror()
    await backend.delete((await backend.list()).keys)
    const stop = new AbortController()
    const list = backend.list.bind(backend)
    backend.list = async (options) => {
      const page = await list(options)
      if (options?.limit !== 1) stop.abort() // when it compares, after it has begun
      return page
    }
    await place
      .store({ mirror: { backend } })
      .mirror({ begin: true, signal: stop.signal })
      .catch(() => {})
    backend.list = list
    await host.mirror()
    expect((await backend.list()).keys).toHaveLength(1)
  })
})

// Fails when the second of two copies that were made at once is kept: its bytes would never be deleted.
test('of two copies of the same bytes made at once, one is kept and the other is deleted', async () => {
  const place = new MirroredPlace()
  const blobs = place.open()
  await blobs.mirror()
  const cid = await posted(blobs, alice, 'a')
  const metadata = await sqliteMetadata(place.database, { durability: 'relaxed', now: place.clock.now }).open()
  onTestFinished(() => metadata.close())
  const steps = await metadata.mirror()
  const mirror = (await steps.mirrorId()) as string
  const keys = ['a', 'b'].map((letter) => `${cid}.1-${letter.repeat(16)}`)
  for (const key of keys) await steps.intendMirrored({ key, cid, lease: hour })
  expect(await steps.waiting({ after: null, limit: 10 })).toEqual([])
  const kept = []
  for (const key of keys) kept.push(await steps.keepMirrored({ mirror, key, cid, size: 1, unusedDelay: hour }))
  expect(kept).toEqual([true, false])
  expect(await steps.mirroredCopies(cid, {})).toMatchObject([{ key: keys[0] }])
  expect(await metadata.countDoomed()).toBe(1)
  // Nor is a copy kept whose content was deleted meanwhile.
  const gone = `${cid.slice(0, 58)}${cid.endsWith('a') ? 'q' : 'a'}`
  await steps.intendMirrored({ key: `${gone}.1-${'a'.repeat(16)}`, cid: gone, lease: hour })
  const late = { mirror, key: `${gone}.1-${'a'.repeat(16)}`, cid: gone, size: 1, unusedDelay: 0 }
  expect(await steps.keepMirrored(late)).toBe(false)
  expect(await metadata.countDoomed()).toBe(2)
})

test('the janitor copies in the background, and health says when', async () => {
  const place = new MirroredPlace()
  const copied: number[] = []
  const onMirrored = (report: { copied: number }) => void copied.push(report.copied)
  const blobs = place.open({ janitor: { mirrorEvery: 20, onMirrored } })
  await posted(blobs, alice, 'a')
  await vi.waitFor(() => expect(copied).toContain(1), 5000)
  expect((await blobs.health()).janitor?.mirror).toEqual({ endedAt: expect.any(Date), error: null })
})

test('a store without a mirror has nothing to copy or heal from', async () => {
  const blobs = new FolderPlace().store()
  await expect(blobs.mirror()).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringMatching(/has no mirror/),
  })
  await expect(blobs.heal()).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringMatching(/has no mirror/),
  })
  expect((await blobs.health()).mirror).toBeNull()
})
