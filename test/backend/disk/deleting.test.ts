import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import { sys } from '../../../src/backend/files/system-calls.ts'
import { assertAbsent, makeBlob, putBlob } from '../../../src/testing/blobs.ts'
import { newRoot, openDisk, pathOf } from './fixture.ts'

afterEach(() => vi.restoreAllMocks())

const failure = Object.assign(new Error(), { code: 'EIO', syscall: 'injected' })

test('each shard is synced once after its last deletion', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const blob = await putBlob(backend, 10)
  const other = { ...blob, key: blob.key.replace('.1-', '.2-') }
  await backend.put(other.key, other.body)
  const calls: string[] = []
  const [unlink, fsync] = [sys.unlink, sys.fsync]
  vi.spyOn(sys, 'unlink').mockImplementation(async (path) => {
    await unlink(path)
    calls.push('unlink')
  })
  vi.spyOn(sys, 'fsync').mockImplementation((fd) => {
    calls.push('fsync')
    return fsync(fd)
  })
  await backend.delete([blob.key, other.key])
  expect(calls).toEqual(['unlink', 'unlink', 'fsync'])
})

test('the shard of an absent key is synced too: the process that deleted it may have died before its sync', async () => {
  const backend = await openDisk(newRoot())
  const { key } = await putBlob(backend, 10)
  vi.spyOn(sys, 'fsync').mockRejectedValueOnce(failure)
  expect([...(await backend.delete([key])).keys()]).toEqual([key])
  vi.restoreAllMocks()
  const fsync = vi.spyOn(sys, 'fsync')
  expect(await backend.delete([key])).toEqual(new Map())
  expect(fsync).toHaveBeenCalledTimes(1)
})

test('a key that cannot be unlinked is reported with its error, and the others are deleted', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const blobs = [await putBlob(backend, 10), await putBlob(backend, 10)]
  const stuck = makeBlob(10).key
  mkdirSync(pathOf(root, stuck), { recursive: true })
  const failed = await backend.delete([stuck, ...blobs.map(({ key }) => key)])
  expect([...failed.keys()]).toEqual([stuck])
  expect(failed.get(stuck)).toMatchObject({ code: 'StorageFailed', backend: 'disk', cid: stuck.slice(0, 59) })
  for (const blob of blobs) await assertAbsent(backend, blob)
})

test('no more than 8 files are unlinked at once', async () => {
  const backend = await openDisk(newRoot())
  let [atOnce, most] = [0, 0]
  vi.spyOn(sys, 'unlink').mockImplementation(async () => {
    most = Math.max(most, ++atOnce)
    await new Promise((resolve) => setImmediate(resolve))
    atOnce--
  })
  await backend.delete(Array.from({ length: 100 }, () => makeBlob(1).key))
  expect(most).toBe(8)
})

test('an abort half-way rejects with the reason, and the rest is kept', async () => {
  const backend = await openDisk(newRoot())
  const keys = []
  for (let n = 0; n < 20; n++) keys.push((await putBlob(backend, 10)).key)
  const abort = new AbortController()
  const unlink = sys.unlink
  vi.spyOn(sys, 'unlink').mockImplementation((path) => {
    abort.abort(new Error('enough'))
    return unlink(path)
  })
  await expect(backend.delete(keys, { signal: abort.signal })).rejects.toThrow('enough')
  expect((await backend.list()).keys.length).toBeGreaterThanOrEqual(12)
})

// Fails when a purge says that bytes are gone which are on a disk that is not mounted.
test('nothing counts as deleted while the disk is not mounted', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const blob = await putBlob(backend, 10)
  renameSync(root, `${root}-unmounted`)
  mkdirSync(root)
  const failed = await backend.delete([blob.key])
  expect(failed.get(blob.key)).toMatchObject({ code: 'StorageFailed', message: expect.stringContaining('not mounted') })
  rmSync(root, { recursive: true })
  renameSync(`${root}-unmounted`, root)
  expect(await backend.delete([blob.key])).toEqual(new Map())
  await assertAbsent(backend, blob)
})
