import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, truncateSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { sys } from '../../../src/backend/files/system-calls.ts'
import { assertHolds, collect, listAll, putBlob } from '../../../src/testing/blobs.ts'
import { newRoot, openDisk, openFiles, pathOf, spoolsIn } from './fixture.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

afterEach(() => vi.restoreAllMocks())

test('500 aborted, returned, broken or failed readings leave no file open', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const blob = await putBlob(backend, 1_000_000)
  const endings: ((body: AsyncIterableIterator<Uint8Array>, abort: AbortController) => Promise<unknown>)[] = [
    async (_, abort) => abort.abort(),
    async (body, abort) => {
      await body.next()
      abort.abort()
      await expect(body.next()).rejects.toThrow(/aborted/)
    },
    async (body, abort) => {
      const reading = body.next()
      abort.abort()
      await expect(reading).rejects.toThrow(/aborted/)
    },
    async (body) => body.return?.(),
    async (body) => {
      for await (const _ of body) break
    },
    async (body) => Promise.all([body.next(), body.return?.(), body.next()]),
    async (body) => collect(body),
    async (body) => {
      await body.next()
      vi.spyOn(sys, 'read').mockRejectedValueOnce(Object.assign(new Error(), { code: 'EIO', syscall: 'read' }))
      await expect(body.next()).rejects.toMatchObject({ code: 'StorageFailed' })
    },
  ]
  for (let n = 0; n < 500; n++) {
    const abort = new AbortController()
    const body = (await backend.get(blob.key, { signal: abort.signal }))?.body
    expect(body).toBeDefined()
    if (body) await endings[n % endings.length]?.(body, abort)
  }
  await vi.waitFor(() => expect(openFiles(root)).toBe(0))
  await assertHolds(backend, blob)
})

test('the chunk of a small blob whose reader stopped early is not reused: it may still be being sent', async () => {
  const backend = await openDisk(newRoot())
  const blobs = await Promise.all(Array.from({ length: 24 }, (_, n) => putBlob(backend, 1000 + n)))
  const chunks: { bytes: Uint8Array; chunk: Uint8Array }[] = []
  for (const { key, bytes } of blobs) {
    const body = (await backend.get(key, { expectedSize: bytes.byteLength }))?.body
    const chunk = (await body?.next())?.value
    await body?.return?.()
    await body?.next()
    if (chunk) chunks.push({ bytes, chunk })
  }
  for (const { key, bytes } of blobs) {
    const object = await backend.get(key, { expectedSize: bytes.byteLength })
    expect(Buffer.compare(object ? await collect(object.body) : new Uint8Array(0), bytes)).toBe(0)
  }
  expect(chunks).toHaveLength(24)
  for (const { bytes, chunk } of chunks) expect(Buffer.compare(chunk, bytes)).toBe(0)
})

test('buffers are reused, however many readings were aborted or forgotten before', async () => {
  // A separate pool, because readings of other tests may still hold buffers of the process's pool.
  vi.resetModules()
  const { DiskBackend } = await import('../../../src/backend/disk/disk-backend.ts')
  const backend = new DiskBackend({ root: newRoot(), minFree: { bytes: 0, inodes: 0 } })
  await backend.open()
  onTestFinished(() => backend.close())
  const [small, large] = [await putBlob(backend, 1000), await putBlob(backend, 1_000_000)]
  const firstOf = async (n: number) => {
    const { key, bytes } = n % 2 === 0 ? small : large
    const body = (await backend.get(key, { expectedSize: bytes.byteLength }))?.body
    return { body, memory: (await body?.next())?.value?.buffer }
  }
  for (let n = 0; n < 100; n++) await (await firstOf(n)).body?.return?.()
  // A large blob's file is open until the backend is closed; a small one's is not.
  for (let n = 0; n < 200; n += 2) await firstOf(n)
  const memoriesOf20 = async () => {
    const seen = new Set<unknown>()
    for (let n = 0; n < 20; n++) {
      const { body, memory } = await firstOf(n)
      seen.add(memory)
      for await (const _ of body ?? []) {
        // to its end
      }
    }
    return seen.size
  }
  await vi.waitFor(
    async () => {
      collectGarbage()
      expect(await memoriesOf20()).toBe(1)
    },
    { timeout: 10_000 },
  )
})

test('the file is closed with the last byte, before the reader asks for the end', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key } = await putBlob(backend, 10)
  const body = (await backend.get(key))?.body
  expect(openFiles(root)).toBe(1)
  await body?.next()
  await vi.waitFor(() => expect(openFiles(root)).toBe(0))
})

test('a file is never closed during a read: its number may be another file by then', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key } = await putBlob(backend, 1_000_000)
  const abort = new AbortController()
  const bodies = [await backend.get(key), await backend.get(key, { signal: abort.signal }), await backend.get(key)]
  const held = Promise.withResolvers<void>()
  const underRead = new Set<number>()
  const closedUnderRead: boolean[] = []
  const [read, close] = [sys.read, sys.closeRead]
  vi.spyOn(sys, 'read').mockImplementation(async (fd, ...rest) => {
    underRead.add(fd)
    await held.promise
    const bytes = await read(fd, ...rest)
    underRead.delete(fd)
    return bytes
  })
  vi.spyOn(sys, 'closeRead').mockImplementation((fd) => {
    closedUnderRead.push(underRead.has(fd))
    return close(fd)
  })
  const reads = bodies.map((object) => object?.body.next())
  await vi.waitFor(() => expect(underRead.size).toBe(3))
  const endings = [bodies[0]?.body.return?.(), backend.close()]
  abort.abort()
  await new Promise((resolve) => setImmediate(resolve))
  expect(closedUnderRead).toEqual([])
  held.resolve()
  await Promise.all([...reads.map((reading) => reading?.catch(() => {})), ...endings])
  expect(closedUnderRead).toEqual([false, false, false])
  expect(openFiles(root)).toBe(0)
})

test('a get that fails leaves no file open', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key } = await putBlob(backend, 10)
  await expect(backend.get(key, { range: { start: 10, end: 10 } })).rejects.toMatchObject({ code: 'InvalidRange' })
  vi.spyOn(sys, 'fstat').mockRejectedValueOnce(Object.assign(new Error(), { code: 'EIO', syscall: 'fstat' }))
  await expect(backend.get(key)).rejects.toMatchObject({ code: 'StorageFailed' })
  expect(openFiles(root)).toBe(0)
})

test('a file that becomes shorter while it is read is BlobDamaged, not a short blob', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key } = await putBlob(backend, 1_000_000)
  const object = await backend.get(key)
  await object?.body.next()
  truncateSync(pathOf(root, key), 300_000)
  await expect(collect(object?.body ?? expect.fail())).rejects.toMatchObject({
    code: 'BlobDamaged',
    cid: key.slice(0, 59),
    backend: 'disk',
  })
  expect((await backend.get(key))?.size).toBe(300_000)
})

test('partial reads are continued', async () => {
  const backend = await openDisk(newRoot())
  const blob = await putBlob(backend, 1000)
  const read = sys.read
  vi.spyOn(sys, 'read').mockImplementation((fd, into, length, position) =>
    read(fd, into, Math.min(length, 7), position),
  )
  await assertHolds(backend, blob)
})

test('a directory or a named pipe in the place of a blob is an error, and nothing waits for it', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  for (const plant of [(path: string) => mkdirSync(path), (path: string) => execFileSync('mkfifo', [path])]) {
    const { key } = await putBlob(backend, 10)
    rmSync(pathOf(root, key))
    plant(pathOf(root, key))
    await expect(backend.get(key)).rejects.toMatchObject({ code: 'StorageFailed' })
    await expect(backend.get(key, { expectedSize: 10 })).rejects.toMatchObject({ code: 'StorageFailed' })
    expect(await backend.has(key)).toBe(false)
  }
  expect(openFiles(root)).toBe(0)
})

test('closing ends the bodies that are being read with an error, and discards spools', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key } = await putBlob(backend, 1_000_000)
  const [begun, waiting] = [await backend.get(key), await backend.get(key)]
  await begun?.body.next()
  await (await backend.spool()).write([new Uint8Array(10)])
  await backend.close()
  expect(openFiles(root)).toBe(0)
  expect(spoolsIn(root)).toEqual([])
  for (const object of [begun, waiting]) {
    await expect(object?.body.next()).rejects.toMatchObject({ code: 'StorageFailed', backend: 'disk' })
  }
})

test('a page reads only the shards that it touches', async () => {
  const backend = await openDisk(newRoot())
  for (let n = 0; n < 20; n++) await putBlob(backend, 10)
  const order = await listAll(backend)
  const readdir = vi.spyOn(sys, 'readdir')
  const page = await backend.list({ cursor: order[9], limit: 1 })
  expect(page.keys).toEqual([order[10]])
  // The names of the shards, of the cursor's shard, of the page's, and one more to know that it is not the last page.
  expect(readdir.mock.calls.length).toBeLessThanOrEqual(4)
})

test('a page that ends with the last key is the last', async () => {
  const backend = await openDisk(newRoot())
  for (let n = 0; n < 5; n++) await putBlob(backend, 10)
  expect(await backend.list({ limit: 5 })).not.toHaveProperty('cursor')
})
