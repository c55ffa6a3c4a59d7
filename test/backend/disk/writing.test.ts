import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { DiskBackend } from '../../../src/backend/disk/disk-backend.ts'
import { type SystemCalls, sys } from '../../../src/backend/files/system-calls.ts'
import { MemoryBackend } from '../../../src/backend/memory.ts'
import { assertAbsent, assertHolds, cut, makeBlob, putBlob, type TestBlob } from '../../../src/testing/blobs.ts'
import { newRoot, openDisk, openFiles, pathOf, spoolsIn, temporaryDirectory } from './fixture.ts'

afterEach(() => vi.restoreAllMocks())

/** The calls made by `work`, in their order. */
async function callsOf(work: () => Promise<unknown>): Promise<(keyof SystemCalls)[]> {
  const calls: (keyof SystemCalls)[] = []
  for (const name of Object.keys(sys) as (keyof SystemCalls)[]) {
    const call = sys[name] as (...values: unknown[]) => Promise<unknown>
    vi.spyOn(sys, name).mockImplementation((...values: unknown[]) => {
      calls.push(name)
      return call(...values) as never
    })
  }
  await work()
  return calls
}

function failing(errno: string): Error {
  return Object.assign(new Error(`${errno}: injected, open '/secret/path'`), { code: errno, syscall: 'injected' })
}

/** A blob in the shard of another one, so that the shard exists. */
async function blobInOldShard(backend: DiskBackend): Promise<TestBlob> {
  const blob = await putBlob(backend, 1000)
  return { ...blob, key: blob.key.replace('.1-', '.2-') }
}

test('bytes are synced before they get their name, and the name before the call resolves', async () => {
  const backend = await openDisk(newRoot())
  const { key, body } = await blobInOldShard(backend)
  expect(await callsOf(() => backend.put(key, body))).toEqual([
    ...['create', 'writev', 'fsync', 'close', 'rename'],
    ...['openDirectory', 'fsync', 'close'],
  ])
})

test('the name of a new shard is synced too, and only once', async () => {
  const backend = await openDisk(newRoot())
  const { key, body } = makeBlob(1000)
  expect(await callsOf(() => backend.put(key, body))).toEqual([
    ...['create', 'writev', 'fsync', 'close'],
    ...['mkdir', 'openDirectory', 'fsync', 'close'],
    ...['rename', 'openDirectory', 'fsync', 'close'],
  ])
})

test('a shard that another process created since is synced like a new one', async () => {
  const root = newRoot()
  const [backend, other] = [await openDisk(root), await openDisk(root)]
  const { key, body } = await blobInOldShard(other)
  expect((await callsOf(() => backend.put(key, body))).filter((call) => call === 'fsync')).toHaveLength(3)
})

test('a spool is renamed, not copied', async () => {
  const backend = await openDisk(newRoot())
  const blob = await blobInOldShard(backend)
  const spool = await backend.spool()
  await spool.write([blob.bytes])
  expect(await callsOf(() => backend.put(blob.key, { size: 1000, sha256: blob.body.sha256, spool }))).toEqual([
    ...['fsync', 'close', 'rename'],
    ...['openDirectory', 'fsync', 'close'],
  ])
})

test('a marker is synced before it replaces the old one, and its name after', async () => {
  const backend = await openDisk(newRoot())
  expect(await callsOf(() => backend.writeMarker('mine'))).toEqual([
    ...['create', 'writev', 'fsync', 'close', 'rename'],
    ...['openDirectory', 'fsync', 'close'],
  ])
})

test('without durability nothing is synced', async () => {
  const root = newRoot()
  const calls = await callsOf(async () => {
    const backend = await openDisk(root, { durability: 'relaxed' })
    const { key } = await putBlob(backend, 1000)
    await backend.writeMarker('mine')
    await backend.delete([key])
  })
  expect(calls).not.toContain('fsync')
})

test('partial writes are continued', async () => {
  const backend = await openDisk(newRoot())
  const writev = sys.writev
  let partly = 0
  vi.spyOn(sys, 'writev').mockImplementation(async (fd, chunks) => {
    expect(chunks.length).toBeLessThanOrEqual(1024)
    // One byte, then half of a chunk, then several chunks.
    const bytes = [1, 50, 777][partly++ % 3] as number
    return writev(fd, [new Uint8Array(Buffer.concat(chunks).subarray(0, bytes))])
  })
  const blob = makeBlob(20_001)
  await backend.put(blob.key, { ...blob.body, chunks: cut(blob.bytes, 100) })
  expect(partly).toBeGreaterThan(20)
  await assertHolds(backend, blob)
})

test('more chunks than one call accepts are written by several', async () => {
  const backend = await openDisk(newRoot())
  const blob = makeBlob(5000)
  const writev = vi.spyOn(sys, 'writev')
  await backend.put(blob.key, { ...blob.body, chunks: cut(blob.bytes, 1) })
  expect(writev.mock.calls.length).toBeGreaterThan(4)
  await assertHolds(backend, blob)
})

test('a device that accepts no bytes without an error causes no endless loop', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  vi.spyOn(sys, 'writev').mockResolvedValue(0)
  const blob = makeBlob(10)
  await expect(backend.put(blob.key, blob.body)).rejects.toMatchObject({ code: 'StorageFailed' })
  vi.restoreAllMocks()
  await assertAbsent(backend, blob)
  expect(spoolsIn(root)).toEqual([])
})

test.each(['writev', 'fsync', 'close', 'mkdir', 'rename'] as const)(
  'a put whose %s fails leaves nothing',
  async (call) => {
    const root = newRoot()
    const backend = await openDisk(root)
    const blob = makeBlob(1000)
    const failed = vi.spyOn(sys, call).mockRejectedValueOnce(failing('EIO'))
    await expect(backend.put(blob.key, blob.body)).rejects.toMatchObject({
      code: 'StorageFailed',
      backend: 'disk',
      cid: blob.key.slice(0, 59),
      transient: false,
      cause: { code: 'EIO' },
    })
    if (call === 'fsync') expect(failed, 'an fsync that failed is not tried again').toHaveBeenCalledTimes(1)
    vi.restoreAllMocks()
    expect(spoolsIn(root)).toEqual([])
    await assertAbsent(backend, blob)
  },
)

test('a put whose directory could not be synced is not acknowledged', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key, body } = await blobInOldShard(backend)
  const fsync = sys.fsync
  vi.spyOn(sys, 'fsync').mockImplementationOnce(fsync).mockRejectedValueOnce(failing('EIO'))
  await expect(backend.put(key, body)).rejects.toMatchObject({ code: 'StorageFailed' })
  expect(openFiles(root)).toBe(0)
})

test('a shard whose name was not synced is synced before the next blob in it is acknowledged', async () => {
  const backend = await openDisk(newRoot())
  const blob = makeBlob(1000)
  const fsync = sys.fsync
  vi.spyOn(sys, 'fsync').mockImplementationOnce(fsync).mockRejectedValueOnce(failing('EIO'))
  await expect(backend.put(blob.key, blob.body)).rejects.toMatchObject({ code: 'StorageFailed' })
  vi.restoreAllMocks()
  const next = { ...blob, key: blob.key.replace('.1-', '.2-') }
  const calls = await callsOf(() => backend.put(next.key, next.body))
  expect(calls.filter((call) => call === 'fsync')).toHaveLength(3)
})

test('a spool that failed once refuses further writes', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key, bytes, body } = makeBlob(1000)
  const spool = await backend.spool()
  vi.spyOn(sys, 'writev').mockRejectedValueOnce(failing('ENOSPC'))
  await expect(spool.write([bytes])).rejects.toMatchObject({ code: 'StorageFull', transient: false })
  await expect(spool.write([bytes])).rejects.toMatchObject({ code: 'StorageFailed' })
  await expect(backend.put(key, { size: 1000, sha256: body.sha256, spool })).rejects.toMatchObject({
    code: 'StorageFailed',
  })
  expect(spoolsIn(root)).toEqual([])
})

test('the spool of another backend is refused, and discarded', async () => {
  const [backend, other] = [await openDisk(newRoot()), new MemoryBackend()]
  const { key, bytes, body } = makeBlob(1000)
  for (const spool of [await other.spool(), await (await openDisk(newRoot())).spool()]) {
    await spool.write([bytes])
    const put = backend.put(key, { size: 1000, sha256: body.sha256, spool })
    await expect(put).rejects.toMatchObject({ code: 'InvalidArgument', backend: 'disk' })
    await expect(spool.write([bytes])).rejects.toMatchObject({ code: 'StorageFailed' })
  }
})

test('a symbolic link in the place of a blob is replaced, never written or read through', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const blob = await blobInOldShard(backend)
  const target = join(temporaryDirectory(), 'passwd')
  writeFileSync(target, 'secret')
  symlinkSync(target, pathOf(root, blob.key))
  await expect(backend.get(blob.key)).rejects.toMatchObject({ code: 'StorageFailed', cause: { code: 'ELOOP' } })
  expect(await backend.has(blob.key)).toBe(false)
  await backend.put(blob.key, blob.body)
  await assertHolds(backend, blob)
  expect(readFileSync(target, 'utf8')).toBe('secret')
})

test('a symbolic link in the place of a spool is refused', async () => {
  const directory = temporaryDirectory()
  symlinkSync(join(directory, 'target'), join(directory, 'spool'))
  await expect(sys.create(join(directory, 'spool'))).rejects.toMatchObject({ code: 'EEXIST' })
})

test('a marker whose replacement fails is unchanged', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  await backend.writeMarker('old')
  for (const call of ['writev', 'fsync', 'rename'] as const) {
    vi.spyOn(sys, call).mockRejectedValueOnce(failing('ENOSPC'))
    await expect(backend.writeMarker('new')).rejects.toMatchObject({ code: 'StorageFull', backend: 'disk' })
    vi.restoreAllMocks()
    expect(await backend.readMarker()).toBe('old')
  }
  expect(spoolsIn(root)).toEqual([])
})

test.each([
  ['ENOSPC', 'StorageFull', false],
  ['EDQUOT', 'StorageFull', false],
  ['EMFILE', 'StorageFailed', true],
  ['ENFILE', 'StorageFailed', true],
  ['EAGAIN', 'StorageFailed', true],
  ['EIO', 'StorageFailed', false],
  ['EROFS', 'StorageFailed', false],
  ['EACCES', 'StorageFailed', false],
  ['EWEIRD', 'StorageFailed', false],
])('%s is %s, transient: %s; the message names no path', async (errno, code, transient) => {
  const backend = await openDisk(newRoot())
  const { key, body } = makeBlob(10)
  const cause = failing(errno)
  vi.spyOn(sys, 'create').mockRejectedValueOnce(cause)
  const error = await backend.put(key, body).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code, transient, cause, backend: 'disk', cid: key.slice(0, 59) })
  const { message } = error as Error
  expect(message).toMatch(`Cannot store ${key}: `)
  expect(message).toMatch(`(${errno})`)
  expect(message).not.toMatch(/\/secret|\/tmp/)
})
