import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { assertAbsent, assertHolds, listAll, makeBlob, putBlob, type TestBlob } from '../../../src/testing/blobs.ts'
import { mountTmpfs, newRoot, openDisk, openFiles, spoolsIn } from './fixture.ts'

test('a full disk is StorageFull: nothing of the blob is left, reading continues, and freed space helps', async (context) => {
  const root = newRoot()
  mkdirSync(root)
  mountTmpfs(context, root, 'size=1m,mode=700')
  const backend = await openDisk(root)
  const held: TestBlob[] = [await putBlob(backend, 300_000), await putBlob(backend, 300_000)]
  const tooMuch = makeBlob(600_000)

  await expect(backend.put(tooMuch.key, tooMuch.body)).rejects.toMatchObject({ code: 'StorageFull', backend: 'disk' })
  const spool = await backend.spool()
  await expect(spool.write([tooMuch.bytes])).rejects.toMatchObject({ code: 'StorageFull', backend: 'disk' })
  await spool.discard()

  expect(spoolsIn(root)).toEqual([])
  expect(openFiles(root)).toBe(0)
  await assertAbsent(backend, tooMuch)
  for (const blob of held) await assertHolds(backend, blob)
  await backend.delete([held[0]?.key ?? expect.fail()])
  const again = { ...tooMuch, key: tooMuch.key.replace('.1-', '.2-') }
  await backend.put(again.key, again.body)
  await assertHolds(backend, again)
})

test('no inodes left is StorageFull too, and deleting helps', async (context) => {
  const root = newRoot()
  mkdirSync(root)
  mountTmpfs(context, root, 'size=4m,nr_inodes=30,mode=700')
  const backend = await openDisk(root)
  const fill = async (): Promise<unknown> => {
    for (let n = 0; n < 40; n++) await putBlob(backend, 10)
    return undefined
  }
  await expect(fill()).rejects.toMatchObject({ code: 'StorageFull', backend: 'disk' })
  expect(spoolsIn(root)).toEqual([])
  const keys = await listAll(backend)
  expect(keys.length).toBeGreaterThan(5)
  expect(await backend.delete(keys)).toEqual(new Map())
  await putBlob(backend, 10)
})

test('a read-only disk can be read', async (context) => {
  const root = newRoot()
  mkdirSync(root)
  const remount = mountTmpfs(context, root, 'size=1m,mode=700')
  const backend = await openDisk(root)
  const blob = await putBlob(backend, 1000)
  remount('ro')
  const unborn = makeBlob(10)
  await expect(backend.put(unborn.key, unborn.body)).rejects.toMatchObject({ code: 'StorageFailed', transient: false })
  expect([...(await backend.delete([blob.key])).keys()]).toEqual([blob.key])
  await assertHolds(backend, blob)
})
