import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { cpSync, existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type BlobBackend,
  type BlobKey,
  type BlobRef,
  type BlobStore,
  cidOfBytes,
  type SweepReport,
} from '../../src/index.ts'
import { putBlobs } from '../../src/testing/blobs.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { Gate, heldBack, meddle } from '../support/meddling.ts'
import { memoryPlace, places, temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, hour, post, text } from '../support/samples.ts'

const minute = 60_000

describe.each(places)('sweep in $name', ({ make }) => {
  test('dooms bytes that no row knows, and a collection after the delay deletes them', async () => {
    const { store, clock, backend } = make()
    const blobs = store({ times: { deleteDelay: 3 * hour } })
    const live = await posted(blobs, alice, 'live')
    await blobs.upload(alice, bytes('temporary'))
    const orphan = await leaveOrphan(backend(), 'orphan')
    const stored = async (): Promise<BlobKey[]> => (await backend().list()).keys

    expect(await blobs.sweep()).toEqual({ keys: 3, orphans: 1, stopped: false, spools: 0 })
    expect(await stored(), 'never directly').toContain(orphan)
    expect(await blobs.sweep(), 'it has a row now').toEqual({ keys: 3, orphans: 0, stopped: false, spools: 0 })
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 0, waitingKeys: 1 })
    clock.advance(3 * hour - minute)
    await blobs.collect()
    expect(await stored()).toContain(orphan)
    clock.advance(2 * minute)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1, waitingKeys: 0 })
    expect(await stored()).not.toContain(orphan)
    expect(await stored()).toHaveLength(2)
    expect(await text((await blobs.read(alice, live.ref)).body)).toBe('live')
    expect(await blobs.sweep()).toMatchObject({ keys: 2, orphans: 0 })
  })

  test('dooms an orphan beside live bytes of the same CID, and not those', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const live = await posted(blobs, alice, 'same bytes')
    await leaveOrphan(backend(), 'same bytes')
    expect(await blobs.sweep()).toMatchObject({ keys: 2, orphans: 1 })
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1 })
    expect(await text((await blobs.read(alice, live.ref)).body)).toBe('same bytes')
  })

  test('finds nothing where there is nothing', async () => {
    const blobs = make().store()
    expect(await blobs.sweep()).toEqual({ keys: 0, orphans: 0, stopped: false, spools: 0 })
  })

  test('leaves bytes alone that wait for deletion', async () => {
    const { store, clock } = make()
    const blobs = store()
    await blobs.upload(alice, bytes('doomed'))
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ waitingKeys: 1 })
    expect(await blobs.sweep()).toMatchObject({ keys: 1, orphans: 0 })
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 0, waitingKeys: 1 })
  })

  test.each(['before', 'after'])('leaves an upload alone that stands %s its bytes are stored', async (when) => {
    const { store, clock, backend } = make()
    const inner = backend()
    const gate = new Gate()
    const blobs = store({
      backend: meddle(inner, {
        async put(key, body, options) {
          if (when === 'before') await gate.pass()
          await inner.put(key, body, options)
          if (when === 'after') await gate.pass()
        },
      }),
    })
    onTestFinished(() => gate.open())
    const upload = blobs.upload(alice, bytes('in flight'))
    await gate.reached
    clock.advance(4 * 60_000) // its process renews its entry every minute, by a clock that no test moves
    expect(await blobs.sweep()).toMatchObject({ keys: when === 'after' ? 1 : 0, orphans: 0 })
    gate.open()
    await post(blobs, alice, 'a', await upload)
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
      expect(await blobs.sweep()).toMatchObject({ keys: 1, orphans: 0 })
    }
    expect(await text((await blobs.read(alice, (await upload).ref)).body)).toBe('in flight')
  })

  test('leaves a large upload alone that is being received', async () => {
    const blobs = make().store()
    const gate = new Gate()
    const content = 'x'.repeat(3_000_000)
    const upload = blobs.upload(alice, heldBack(content, gate))
    await gate.reached
    expect(await blobs.sweep()).toEqual({ keys: 0, orphans: 0, stopped: false, spools: 0 })
    gate.open()
    expect((await upload).size).toBe(3_000_000)
  })

  test('does not take for an orphan what is uploaded while it lists', async () => {
    const { store, backend } = make()
    const inner = backend()
    let uploading: (() => Promise<void>) | undefined
    const blobs: BlobStore = store({
      backend: meddle(inner, {
        async list(options) {
          await uploading?.()
          const page = await inner.list(options)
          await uploading?.()
          return page
        },
      }),
    })
    await blobs.ready()
    let count = 0
    uploading = async () => void (await blobs.upload(alice, bytes(`upload ${count++}`)))
    for (let round = 0; round < 3; round++) expect(await blobs.sweep()).toMatchObject({ orphans: 0 })
    await Promise.all([blobs.sweep(), ...Array.from({ length: 10 }, () => uploading?.()), blobs.sweep()])
    expect((await blobs.sweep()).orphans).toBe(0)
    expect(await blobs.collect()).toMatchObject({ waitingKeys: 0 })
  })

  test('stops when too much would be doomed, and dooms nothing, unless it is forced', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const refs = await postedMany(blobs, 10)
    const orphans = await leaveOrphans(backend(), 101)
    for (let time = 0; time < 2; time++) {
      expect(await blobs.sweep()).toEqual({ keys: 111, orphans: 101, stopped: true, spools: 0 })
      clock.advance(2 * day)
      expect(await blobs.collect()).toMatchObject({ deletedKeys: 0, waitingKeys: 0 })
    }
    expect((await backend().list()).keys).toEqual(expect.arrayContaining(orphans))

    expect(await blobs.sweep({ force: true })).toEqual({ keys: 111, orphans: 101, stopped: false, spools: 0 })
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 101, waitingKeys: 0 })
    for (const { ref } of refs) await (await blobs.read(alice, ref)).bytes()
    expect((await backend().list()).keys).toHaveLength(10)
  })

  test('dooms a hundred orphans, whatever their share', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    await blobs.ready()
    await leaveOrphans(backend(), 100)
    expect(await blobs.sweep()).toEqual({ keys: 100, orphans: 100, stopped: false, spools: 0 })
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 100 })
  })

  test('lists in pages, reports its progress, and stops when it is aborted', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    const blobs = store({
      backend: meddle(inner, { list: (options) => inner.list({ ...options, limit: 7 }) }),
    })
    await postedMany(blobs, 18)
    await leaveOrphans(backend(), 4)
    const progress: SweepReport[] = []
    const onProgress = (report: SweepReport) => void progress.push(report)
    const reason = new Error('enough')
    await expect(blobs.sweep({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const abort = () => controller.abort(reason)
    await expect(blobs.sweep({ signal: controller.signal, onProgress: abort })).rejects.toBe(reason)
    expect(await blobs.collect()).toMatchObject({ waitingKeys: 0 })

    expect(await blobs.sweep({ onProgress })).toMatchObject({ keys: 22, orphans: 4, stopped: false })
    const seen = progress.map(({ keys }) => keys)
    expect(new Set(seen).size).toBeGreaterThanOrEqual(4)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 4 })
    expect((await inner.list()).keys).toHaveLength(18)
  })

  test('refuses invalid options', async () => {
    const blobs = make().store()
    await expect(blobs.sweep({ Force: true } as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expect(blobs.sweep(null as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
  })
})

test.each([
  { known: 908, stopped: true },
  { known: 910, stopped: false },
])('a sweep stops above a tenth, not at it: 101 orphans and $known others', async ({ known, stopped }) => {
  const { store, backend } = memoryPlace()
  const blobs = store()
  await blobs.ready()
  await leaveOrphans(backend(), known)
  expect(await blobs.sweep({ force: true }), 'they get rows').toMatchObject({ orphans: known })
  await leaveOrphans(backend(), 101)
  expect(await blobs.sweep()).toMatchObject({ keys: known + 101, orphans: 101, stopped })
})

describe('sweep on a disk', () => {
  test('deletes spools of dead processes, and no young ones', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    await blobs.upload(alice, new Uint8Array(2_000_000))
    const [old, young] = [join(place.spools, randomUUID()), join(place.spools, randomUUID())]
    for (const file of [old, young]) writeFileSync(file, 'left behind')
    const longAgo = Date.now() / 1000 - 2 * 86_400
    utimesSync(old, longAgo, longAgo)
    expect(await blobs.sweep()).toMatchObject({ orphans: 0, spools: 1 })
    expect([existsSync(old), existsSync(young)]).toEqual([false, true])
    expect(await blobs.sweep()).toMatchObject({ spools: 0 })
  })

  // Fails when only the age is checked: the spool of a process that died while the clock ran ahead stays until then.
  test('keeps spools with a time in the future for a lease from now, and no longer', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    await blobs.ready()
    const spool = join(place.spools, randomUUID())
    writeFileSync(spool, 'bytes')
    const written = (time: number) => utimesSync(spool, new Date(time), new Date(time))
    written(Date.now() + 365 * day)
    expect(await blobs.sweep()).toMatchObject({ spools: 0 })
    expect(Math.abs(statSync(spool).mtimeMs - Date.now())).toBeLessThan(minute)
    written(Date.now() - hour - minute)
    expect(await blobs.sweep()).toMatchObject({ spools: 1 })
  })

  test('touches no spool that is being written to, however slowly', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    const gate = new Gate()
    const content = 'x'.repeat(3_000_000)
    const upload = blobs.upload(alice, heldBack(content, gate))
    await gate.reached
    expect(readdirSync(place.spools).length).toBeGreaterThan(0)
    expect(await blobs.sweep()).toMatchObject({ spools: 0 })
    gate.open()
    expect((await upload).size).toBe(3_000_000)
    expect(readdirSync(place.spools)).toEqual([])
  })
})

describe('a database restored from the past', () => {
  /** A place whose database has forgotten the newest uploads; its backup is from before the store was opened again. */
  async function restored(place: FolderPlace): Promise<{ known: BlobRef; forgotten: BlobRef }> {
    const first = place.store()
    const known = await posted(first, alice, 'known')
    await first.close()
    const backup = place.backUp()
    const second = place.store()
    const forgotten = await posted(second, alice, 'forgotten')
    await second.close()
    place.putBack(backup)
    return { known, forgotten }
  }

  test('lets nothing be deleted', async () => {
    const place = new FolderPlace()
    const { forgotten } = await restored(place)
    for (let time = 0; time < 2; time++) {
      const blobs = place.store()
      await blobs.ready()
      await expect(blobs.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
      await expect(blobs.sweep()).rejects.toMatchObject({ code: 'StoreRestored' })
      await expect(blobs.sweep({ force: true })).rejects.toMatchObject({ code: 'StoreRestored' })
      place.clock.advance(30 * day)
      await expect(blobs.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
      expect(existsSync(place.fileOf(forgotten.ref))).toBe(true)
      expect(await blobs.stat(alice, forgotten.ref, { as: 'account' })).toBeNull()
      await blobs.close()
    }
  })

  test('still serves and accepts uploads', async () => {
    const place = new FolderPlace()
    const { known, forgotten } = await restored(place)
    const blobs = place.store()
    expect(await text((await blobs.read(alice, known.ref)).body)).toBe('known')
    const fresh = await posted(blobs, bob, 'fresh')
    expect(await text((await blobs.read(bob, fresh.ref)).body)).toBe('fresh')
    await posted(blobs, alice, 'forgotten')
    expect(await text((await blobs.read(alice, forgotten.ref)).body)).toBe('forgotten')
    await expect(blobs.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
  })

  test('is noticed by every process, and when a sweep begins', async () => {
    const place = new FolderPlace()
    const first = place.store()
    await posted(first, alice, 'known')
    await first.sweep()
    const others = place.backUp()
    await first.sweep()
    await posted(first, alice, 'forgotten')
    await first.close()
    place.putBack(others)
    const stores = [place.store(), place.store()]
    for (const blobs of stores) await blobs.ready()
    for (const blobs of stores) {
      await expect(blobs.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
      await expect(blobs.sweep()).rejects.toMatchObject({ code: 'StoreRestored' })
    }
  })

  test('is no longer restored when the newest database comes back', async () => {
    const place = new FolderPlace()
    const first = place.store()
    const ref = await posted(first, alice, 'kept')
    await first.close()
    place.putBack(place.backUp())
    const second = place.store()
    await second.collect()
    expect(await second.sweep()).toMatchObject({ keys: 1, orphans: 0 })
    expect(await text((await second.read(alice, ref.ref)).body)).toBe('kept')
  })
})

describe('a database and bytes that do not belong together', () => {
  test('another database on the same root is refused', async () => {
    const place = new FolderPlace()
    const first = place.store()
    const ref = await posted(first, alice, 'mine')
    const other = place.store({ database: join(place.folder, 'other.sqlite') })
    const mismatch = { code: 'StoreMismatch', backend: 'disk' }
    await expect(other.ready()).rejects.toMatchObject(mismatch)
    await expect(other.upload(alice, bytes('x'))).rejects.toMatchObject(mismatch)
    await expect(other.sweep({ force: true })).rejects.toMatchObject(mismatch)
    await expect(other.collect()).rejects.toMatchObject(mismatch)
    expect(await text((await first.read(alice, ref.ref)).body)).toBe('mine')
    await first.sweep()
  })

  // Fails when the first marker is written over another's: each database then dooms, in its sweep, what the other has
  // stored.
  test.each([1, 2, 3, 4, 5])('of two databases that open one new root at once, one is refused (%i)', async () => {
    const place = new FolderPlace()
    const both = [place.store(), place.store({ database: join(place.folder, 'other.sqlite') })]
    const opened = await Promise.allSettled(both.map((store) => store.ready()))
    expect(opened.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const [owner, other] = opened[0]?.status === 'fulfilled' ? both : both.reverse()
    const ref = await posted(owner as BlobStore, alice, 'mine')
    await expect(other?.sweep({ force: true })).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect(await owner?.sweep()).toMatchObject({ keys: 1, orphans: 0 })
    expect(await text((await (owner as BlobStore).read(alice, ref.ref)).body)).toBe('mine')
  })

  // Fails when the epoch is written without checking whose marker is there.
  test('a database whose marker was replaced while it was open overwrites nothing', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    await posted(blobs, alice, 'mine')
    const theirs = JSON.stringify({ id: 'another', epoch: 1 })
    await place.backend().writeMarker(theirs)
    await expect(blobs.sweep()).rejects.toMatchObject({ code: 'StoreMismatch' })
    await expect(blobs.recover()).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect(await place.backend().readMarker()).toBe(theirs)
  })

  test('a sweep can be stopped while the marker is read, and the read never returns', async () => {
    const place = new FolderPlace()
    const inner = place.backend()
    let hangs = false
    const backend = meddle(inner, { readMarker: (o) => (hangs ? new Promise(() => {}) : inner.readMarker(o)) })
    const blobs = place.store({ backend })
    await blobs.ready()
    hangs = true
    const swept = blobs.sweep({ signal: AbortSignal.timeout(50) })
    await expect(swept).rejects.toMatchObject({ name: 'TimeoutError' })
    hangs = false
  })

  // Fails without the database's place in the marker: both have the same id, and the copy's sweep takes unknown bytes
  // for orphans.
  test('a copy of a database that is open is refused, also later, when it has forgotten uploads', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    await posted(blobs, alice, 'before')
    const copy = join(place.backUp(), 'backup')
    const ref = await posted(blobs, alice, 'after')
    const staging = () => place.store({ database: copy })
    await expect(staging().ready()).rejects.toMatchObject({ code: 'StoreMismatch', transient: true })
    await expect(staging().sweep({ force: true })).rejects.toMatchObject({ code: 'StoreMismatch' })
    await blobs.sweep()
    await blobs.close()
    await expect(staging().sweep({ force: true })).rejects.toMatchObject({ code: 'StoreRestored' })
    place.clock.advance(9 * day)
    await expect(staging().collect({ force: true })).rejects.toMatchObject({ code: 'StoreRestored' })
    expect(existsSync(place.fileOf(ref.ref))).toBe(true)
  })

  // Fails when the last process does not advance the epoch as it leaves: nothing else has advanced it since the copy
  // was made.
  test('a copy opens on the bytes after its original was closed, and deletes nothing', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    await posted(blobs, alice, 'before')
    const copy = join(place.backUp(), 'backup')
    await posted(blobs, alice, 'after')
    await blobs.close()
    await expect(place.store({ database: copy }).sweep()).rejects.toMatchObject({ code: 'StoreRestored' })
  })

  test('a database that was moved opens at once after a close, and soon after a kill', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    await posted(blobs, alice, 'mine')
    const killed = join(place.backUp(), 'backup')
    await expect(place.store({ database: killed }).ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    place.clock.advance(6 * 60_000)
    await place.store({ database: killed }).ready()
  })

  test('bytes that are older than their database are reported, and the store opens', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    const old = await posted(blobs, alice, 'old')
    const backup = join(temporaryFolder(), 'bytes')
    cpSync(place.root, backup, { recursive: true })
    for (let n = 0; n < 3; n++) await blobs.sweep()
    const recent = await posted(blobs, alice, 'recent')
    await blobs.close()
    rmSync(place.root, { recursive: true })
    cpSync(backup, place.root, { recursive: true })
    const told: string[] = []
    const logger = { info() {}, warn() {}, error: (_details: object, message: string) => void told.push(message) }
    const again = place.store({ logger })
    expect(await text((await again.read(alice, old.ref)).body)).toBe('old')
    await expect(again.read(alice, recent.ref)).rejects.toMatchObject({ code: 'BlobMissing' })
    expect(told).toEqual([expect.stringContaining('The bytes are older than the database')])
  })

  test('a copy of a restored database is never recorded as complete', async () => {
    const place = new FolderPlace()
    const first = place.store()
    await first.ready()
    const backup = place.backUp()
    await first.sweep()
    await first.close()
    place.putBack(backup)
    const restored = place.store()
    await expect(restored.markBackup()).rejects.toMatchObject({ code: 'StoreRestored' })
    await expect(restored.backup(join(temporaryFolder(), 'copy'))).rejects.toMatchObject({ code: 'StoreRestored' })
  })

  test('a new database is refused where there are blobs, and no marker', async () => {
    const place = new FolderPlace()
    const backend = place.backend()
    await backend.open()
    await putBlobs(backend, 1)
    await expect(place.store().ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect(await backend.readMarker()).toBeNull()
  })

  test('a used database is refused on an empty root', async () => {
    const place = new FolderPlace()
    const first = place.store()
    await posted(first, alice, 'mine')
    await first.close()
    const elsewhere = place.store({ root: join(place.folder, 'elsewhere') })
    await expect(elsewhere.ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    await expect(elsewhere.upload(alice, bytes('x'))).rejects.toMatchObject({ code: 'StoreMismatch' })
    const back = place.store()
    await back.ready()
  })

  test('bytes with an unreadable marker are refused', async () => {
    const place = new FolderPlace()
    const first = place.store()
    await posted(first, alice, 'mine')
    await first.close()
    for (const marker of ['', 'nonsense', '{}', '{"id":1,"epoch":"x"}', 'null']) {
      await place.backend().writeMarker(marker)
      const second = place.store()
      await expect(second.ready(), marker).rejects.toMatchObject({ code: 'StoreMismatch' })
      await expect(second.collect(), marker).rejects.toMatchObject({ code: 'StoreMismatch' })
      await second.close()
    }
  })

  test('an old root is refused when its database was lost', async () => {
    const place = new FolderPlace()
    const first = place.store()
    const ref = await posted(first, alice, 'mine')
    await first.close()
    for (const ending of ['', '-wal', '-shm']) rmSync(place.database + ending, { force: true })
    const second = place.store()
    await expect(second.ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    await expect(second.sweep({ force: true })).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect(existsSync(place.fileOf(ref.ref))).toBe(true)
  })
})

async function posted(blobs: BlobStore, did: string, content: string): Promise<BlobRef> {
  const ref = await blobs.upload(did, bytes(content))
  await post(blobs, did, content, ref)
  return ref
}

async function postedMany(blobs: BlobStore, count: number): Promise<BlobRef[]> {
  const refs: BlobRef[] = []
  for (let index = 0; index < count; index++) refs.push(await blobs.upload(alice, bytes(`live ${index}`)))
  await post(blobs, alice, 'all', ...refs)
  return refs
}

/** Stores bytes without any row, as a crash may leave them. */
async function leaveOrphan(backend: BlobBackend, content: string): Promise<BlobKey> {
  const chunk = bytes(content)
  const letters = [...randomBytes(16)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('')
  const key = `${cidOfBytes(chunk)}.1-${letters}`
  const sha256 = new Uint8Array(createHash('sha256').update(chunk).digest())
  await backend.put(key, { size: chunk.byteLength, sha256, chunks: [chunk] })
  return key
}

async function leaveOrphans(backend: BlobBackend, count: number): Promise<BlobKey[]> {
  const keys: BlobKey[] = []
  for (let index = 0; index < count; index++) keys.push(await leaveOrphan(backend, `orphan ${index}`))
  return keys
}
