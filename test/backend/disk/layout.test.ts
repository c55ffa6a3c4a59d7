import { chmodSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { shardOf } from '../../../src/backend/disk/layout.ts'
import { cidOfBytes } from '../../../src/blob/cid.ts'
import { assertHolds, listAll, makeBlob, putBlob } from '../../../src/testing/blobs.ts'
import { mountTmpfs, newRoot, openDisk, pathOf, temporaryDirectory } from './fixture.ts'

test('every file and directory is where the layout says, and only its owner may access it', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const { key } = await putBlob(backend, 10)
  await backend.writeMarker('mine')
  await backend.spool()
  expect(readdirSync(root).sort()).toEqual(['blobs', 'layout-1', 'marker', 'spool'])
  expect(readdirSync(join(root, 'blobs'))).toEqual([key.slice(56, 58)])
  expect(readdirSync(join(root, 'blobs', shardOf(key)))).toEqual([key])
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
  expect(paths).toHaveLength(7)
  for (const entry of paths) {
    const mode = lstatSync(join(entry.parentPath, entry.name)).mode & 0o777
    expect(mode, entry.name).toBe(entry.isDirectory() ? 0o700 : 0o600)
  }
  expect(lstatSync(root).mode & 0o777).toBe(0o700)
})

test('the shard is the two characters before the last of the CID, and 1024 shards are evenly used', () => {
  expect(shardOf('bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4.1-kq3z5vd4w2m7x6yt')).toBe('2v')
  const used = new Map<string, number>()
  for (let n = 0; n < 40_960; n++) {
    const shard = shardOf(`${cidOfBytes(Buffer.from(String(n)))}.1-kq3z5vd4w2m7x6yt`)
    used.set(shard, (used.get(shard) ?? 0) + 1)
  }
  // 40 on average: the standard deviation is 6.3, and 6 of those are no accident.
  expect(used.size).toBe(1024)
  expect(Math.min(...used.values())).toBeGreaterThan(40 - 38)
  expect(Math.max(...used.values())).toBeLessThan(40 + 38)
})

test('an existing empty directory is used, with the modes that it has', async () => {
  const root = temporaryDirectory()
  chmodSync(root, 0o750)
  mkdirSync(join(root, 'lost+found'))
  await putBlob(await openDisk(root), 10)
  expect(lstatSync(root).mode & 0o777).toBe(0o750)
})

test('a directory with files of other software is refused and left as it is', async () => {
  const root = temporaryDirectory()
  writeFileSync(join(root, 'diary.txt'), 'dear')
  await expect(openDisk(root)).rejects.toMatchObject({ code: 'StorageFailed', backend: 'disk', transient: false })
  await expect(openDisk(root)).rejects.toThrow(/^Cannot open the root of backend "disk": it contains other files/)
  expect(readdirSync(root)).toEqual(['diary.txt'])
})

test('a layout of another version is refused and left as it is', async () => {
  const root = temporaryDirectory()
  writeFileSync(join(root, 'layout-2'), '')
  await expect(openDisk(root)).rejects.toThrow(/it has layout-2, but this library knows layout-1/)
  expect(readdirSync(root)).toEqual(['layout-2'])
})

test('a root below a file is refused', async () => {
  const file = join(temporaryDirectory(), 'file')
  writeFileSync(file, '')
  await expect(openDisk(file)).rejects.toMatchObject({ code: 'StorageFailed' })
  await expect(openDisk(join(file, 'root'))).rejects.toMatchObject({ code: 'StorageFailed' })
})

test.each(['blobs', 'spool', 'marker', 'layout-1', 'other'])('a symbolic link for %s is refused', async (name) => {
  const root = newRoot()
  await openDisk(root)
  const target = temporaryDirectory()
  rmSync(join(root, name), { recursive: true, force: true })
  symlinkSync(target, join(root, name))
  await expect(openDisk(root)).rejects.toThrow(`"${name}" in it is a symbolic link`)
  expect(readdirSync(target)).toEqual([])
})

// Fails when links are looked for first: the advice for a store would be given for /etc.
test('a folder of other files is said to be no store, not told what to remove', async () => {
  const root = temporaryDirectory()
  symlinkSync('/nowhere', join(root, 'localtime'))
  writeFileSync(join(root, 'hosts'), '')
  const error = await openDisk(root).catch((error) => error)
  expect(error.message).toMatch(/contains other files, and no layout-1, so it is no store; give the store a directory/)
  expect(error.message).not.toMatch(/remove|delete/)
})

test('a symbolic link among the shards is refused, whatever its name', async () => {
  for (const name of ['2v', 'elsewhere']) {
    const root = newRoot()
    await openDisk(root)
    symlinkSync(temporaryDirectory(), join(root, 'blobs', name))
    await expect(openDisk(root)).rejects.toThrow(`"${name}" in it is a symbolic link`)
  }
})

test('a file for a shard is refused', async () => {
  const root = newRoot()
  await openDisk(root)
  writeFileSync(join(root, 'blobs', '2v'), '')
  await expect(openDisk(root)).rejects.toThrow('the shard "2v" is not a directory')
})

test('a file for the folder of all blobs is refused', async () => {
  const root = newRoot()
  await (await openDisk(root)).close()
  rmSync(join(root, 'blobs'), { recursive: true })
  writeFileSync(join(root, 'blobs'), '')
  await expect(openDisk(root)).rejects.toMatchObject({
    code: 'StorageFailed',
    message: expect.stringContaining('"blobs" is not a directory; move it elsewhere'),
  })
})

test('a cursor that no list returned is refused', async () => {
  const backend = await openDisk(newRoot())
  await expect(backend.list({ cursor: '../../etc' })).rejects.toMatchObject({ code: 'InvalidArgument' })
})

test('a symbolic link for a shard that is planted after the opening is refused too, if the shard is new', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const target = temporaryDirectory()
  const blob = makeBlob(10)
  symlinkSync(target, dirname(pathOf(root, blob.key)))
  await expect(backend.put(blob.key, blob.body)).rejects.toThrow(/is a symbolic link/)
  expect(readdirSync(target)).toEqual([])
})

test('another device mounted inside the root is refused', async (context) => {
  const root = newRoot()
  await openDisk(root)
  mountTmpfs(context, join(root, 'spool'), 'size=64k,mode=700')
  await expect(openDisk(root)).rejects.toThrow('"spool" is on another device than the root')
})

test('names that are not keys, and keys in the wrong shard, are not listed', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const blob = await putBlob(backend, 10)
  const shard = dirname(pathOf(root, blob.key))
  const stray = makeBlob(10).key
  for (const name of ['.DS_Store', 'README', `${blob.key}.bak`, blob.key.slice(0, -1), blob.key.slice(0, 59)]) {
    writeFileSync(join(shard, name), '')
  }
  if (shardOf(stray) !== shardOf(blob.key)) writeFileSync(join(shard, stray), '')
  mkdirSync(join(root, 'blobs', 'quarantine'))
  writeFileSync(join(root, 'blobs', 'note'), '')
  writeFileSync(join(root, 'blobs', blob.key), '')
  expect(await listAll(backend)).toEqual([blob.key])
  expect(await listAll(await openDisk(root))).toEqual([blob.key])
})

test('a shard that another program removed is created again', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  const blob = await putBlob(backend, 10)
  await backend.delete([blob.key])
  rmdirSync(dirname(pathOf(root, blob.key)))
  expect(await backend.delete([blob.key])).toEqual(new Map())
  const again = { ...blob, key: blob.key.replace('.1-', '.2-') }
  await backend.put(again.key, again.body)
  await assertHolds(backend, again)
})

test('sweeping deletes nothing but spools', async () => {
  const root = newRoot()
  const backend = await openDisk(root)
  writeFileSync(join(root, 'spool', 'notes.txt'), '')
  mkdirSync(join(root, 'spool', 'directory'))
  expect(await backend.sweepSpools(-1)).toBe(0)
  expect(readdirSync(join(root, 'spool')).sort()).toEqual(['directory', 'notes.txt'])
})
