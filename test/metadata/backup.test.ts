import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type BlobStore, createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { mountTmpfs } from '../backend/disk/fixture.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { hostPlace, postgresPlace, temporaryFolder } from '../support/places.ts'
import { hasPostgres } from '../support/postgres.ts'
import { alice, bytes, post, text } from '../support/samples.ts'

// Fails when the copy is made by another SQLite, from a changing database, under its final name, or not marked.

const limits = { accept: ['*/*'] }

async function storeOnFile() {
  const folder = temporaryFolder()
  const file = join(folder, 'blobs.sqlite')
  const backend = new MemoryBackend()
  const open = (path = file) =>
    createBlobStore({ backend, metadata: sqliteMetadata(path, { durability: 'relaxed' }), limits })
  const blobs = open()
  onTestFinished(() => blobs.close())
  for (let at = 0; at < 20; at++) await post(blobs, alice, `r${at}`, await blobs.upload(alice, bytes(`blob ${at}`)))
  return { folder, file, blobs, open, to: join(folder, 'copy.sqlite') }
}

function readCopy(path: string) {
  const database = new Database(path, { readonly: true })
  onTestFinished(() => void database.close())
  const count = (table: string) =>
    (database.prepare(`select count(*) as count from ${table}`).get() as { count: number }).count
  return {
    check: database.pragma('integrity_check', { simple: true }),
    blobs: count('blobstore_blob'),
    refs: count('blobstore_ref'),
  }
}

/** Makes the database larger, so that copying it takes a while. */
function swell(file: string, megabytes: number): void {
  const database = new Database(file)
  database.exec('create table ballast (bytes blob)')
  const insert = database.prepare('insert into ballast values (randomblob(1000000))')
  for (let at = 0; at < megabytes; at++) insert.run()
  database.close()
}

const isInvalid = (call: Promise<unknown>, message: RegExp) =>
  expect(call).rejects.toMatchObject({ code: 'InvalidArgument', message: expect.stringMatching(message) })

describe('a backup of the store’s own file', () => {
  test('is the whole database, in one file that only its owner may read', async () => {
    const { folder, blobs, to } = await storeOnFile()
    const progress: { pages: number; of: number }[] = []
    const report = await blobs.backup(to, { onProgress: (done) => progress.push(done) })
    expect(report).toEqual({ bytes: statSync(to).size })
    expect(statSync(to).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder).sort()).toEqual(['blobs.sqlite', 'blobs.sqlite-shm', 'blobs.sqlite-wal', 'copy.sqlite'])
    expect(progress.length).toBeGreaterThan(0)
    expect(progress.every(({ pages, of }) => pages <= of && of > 0)).toBe(true)
    expect(readCopy(to)).toEqual({ check: 'ok', blobs: 20, refs: 20 })
    await blobs.upload(alice, bytes('and the store goes on'))
  })

  test('is of one moment, however busily the store writes, and does not start again', async () => {
    const { file, blobs, to } = await storeOnFile()
    swell(file, 60)
    let writes = 0
    let isDone = false
    const writing = (async () => {
      while (!isDone) {
        await post(blobs, alice, `w${writes}`, await blobs.upload(alice, bytes(`meanwhile ${writes}`)))
        writes += 1
      }
    })()
    const seen: number[] = []
    await blobs.backup(to, { onProgress: ({ pages }) => seen.push(pages) })
    isDone = true
    await writing
    expect(writes).toBeGreaterThan(0)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    const copy = readCopy(to)
    expect(copy.check).toBe('ok')
    expect(copy.blobs - copy.refs).toBeLessThanOrEqual(1)
    expect(copy.refs).toBeLessThanOrEqual(20 + writes)
  })

  test('does not block the event loop', async () => {
    const { file, blobs, to } = await storeOnFile()
    swell(file, 100)
    const lags: number[] = []
    let last = performance.now()
    const timer = setInterval(() => {
      lags.push(performance.now() - last)
      last = performance.now()
    }, 1)
    await blobs.backup(to)
    clearInterval(timer)
    // 100 MiB take some hundred milliseconds; a machine with other work stops any process for a while.
    expect(lags.filter((lag) => lag > 100).length).toBeLessThan(3)
  })

  test('is marked: a restore of it is noticed', async () => {
    const { blobs, open, to } = await storeOnFile()
    await blobs.backup(to)
    await blobs.close()
    const restored = open(to)
    onTestFinished(() => restored.close())
    await expect(restored.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
  })

  test('replaces a file only where that is allowed, also one that appears meanwhile', async () => {
    const { blobs, to } = await storeOnFile()
    writeFileSync(to, 'an older copy')
    await isInvalid(blobs.backup(to), /"copy\.sqlite" exists already; .*overwrite/)
    expect(readFileSync(to, 'utf8')).toBe('an older copy')
    await blobs.backup(to, { overwrite: true })
    expect(readCopy(to).check).toBe('ok')
    const late = `${to}.late`
    await isInvalid(blobs.backup(late, { onProgress: () => writeFileSync(late, 'mine') }), /exists already/)
    expect(readFileSync(late, 'utf8')).toBe('mine')
  })

  // Fails when the backup is noted before its file is synced and has its name.
  test('does not count when it fails after it was copied', async () => {
    const { blobs, to } = await storeOnFile()
    await isInvalid(blobs.backup(to, { onProgress: () => writeFileSync(to, 'mine') }), /exists already/)
    expect((await blobs.health()).backedUpAt).toBeNull()
    await blobs.backup(to, { overwrite: true })
    expect((await blobs.health()).backedUpAt).not.toBeNull()
  })

  test('refuses to write over a dangling link', async () => {
    const { blobs, to } = await storeOnFile()
    symlinkSync('/nowhere/at/all', to)
    await isInvalid(blobs.backup(to), /exists already/)
  })

  test('never replaces the database or its log, by whatever path', async () => {
    const { folder, file, blobs } = await storeOnFile()
    const away = temporaryFolder()
    symlinkSync(folder, join(away, 'folder'))
    symlinkSync(file, join(away, 'link'))
    linkSync(file, join(away, 'hard'))
    const before = statSync(file).ino
    const paths = ['', '-wal', '-shm', '-journal'].flatMap((end) => [
      `${file}${end}`,
      join(away, 'folder', `${basename(file)}${end}`),
    ])
    for (const path of [...paths, join(away, 'link'), join(away, 'hard')]) {
      await isInvalid(blobs.backup(path, { overwrite: true }), /the database itself, or a file that belongs to it/)
    }
    expect(statSync(file).ino).toBe(before)
    await blobs.upload(alice, bytes('and the store goes on'))
  })

  test.each(['-wal', '-journal'])('refuses a path beside the %s of another database', async (end) => {
    const { blobs, to } = await storeOnFile()
    writeFileSync(`${to}${end}`, '')
    await isInvalid(blobs.backup(to, { overwrite: true }), /of another database; move it elsewhere/)
  })

  test('says what is wrong with the path', async () => {
    const { folder, file, blobs } = await storeOnFile()
    mkdirSync(join(folder, 'folder'))
    await isInvalid(blobs.backup(join(folder, 'folder')), /"folder" is a folder/)
    await isInvalid(blobs.backup(join(folder, 'none', 'copy')), /there is no folder "none"; create it first/)
    await isInvalid(blobs.backup(join(file, 'copy')), /there is no folder "blobs\.sqlite"/)
    for (const path of ['', 'a\0b', undefined, 7]) await isInvalid(blobs.backup(path as string), /path must be/)
  })

  test('that is aborted leaves nothing, and keeps the file to be overwritten', async () => {
    const { folder, file, blobs, to } = await storeOnFile()
    swell(file, 20)
    writeFileSync(to, 'an older copy')
    const before = readdirSync(folder)
    const controller = new AbortController()
    const reason = new Error('enough')
    const options = { overwrite: true, signal: controller.signal, onProgress: () => controller.abort(reason) }
    await expect(blobs.backup(to, options)).rejects.toBe(reason)
    await expect(blobs.backup(`${to}.2`, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(readdirSync(folder)).toEqual(before)
    expect(readFileSync(to, 'utf8')).toBe('an older copy')
  })

  test('rejects with what onProgress throws', async () => {
    const { folder, blobs, to } = await storeOnFile()
    const error = new Error('mine')
    const onProgress = () => {
      throw error
    }
    await expect(blobs.backup(to, { onProgress })).rejects.toBe(error)
    expect(readdirSync(folder).filter((name) => name.includes('copy'))).toEqual([])
  })

  test('on a full disk is StorageFull, and leaves nothing', async (context) => {
    const { file, blobs } = await storeOnFile()
    swell(file, 3)
    const small = temporaryFolder()
    mountTmpfs(context, small, 'size=1m')
    const call = blobs.backup(join(small, 'copy'))
    await expect(call).rejects.toMatchObject({ code: 'StorageFull', message: expect.stringContaining('the backup') })
    expect(readdirSync(small)).toEqual([])
  })

  test('may be made several times at once, by two stores', async () => {
    const { folder, blobs, open } = await storeOnFile()
    const other = open()
    onTestFinished(() => other.close())
    await Promise.all([blobs, other, blobs].map((store, at) => store.backup(join(folder, `copy${at}`))))
    for (const at of [0, 1, 2]) expect(readCopy(join(folder, `copy${at}`))).toMatchObject({ check: 'ok', blobs: 20 })
  })

  test('is awaited by close', async () => {
    const { blobs, to } = await storeOnFile()
    const backup = blobs.backup(to)
    await blobs.close()
    expect(existsSync(to)).toBe(true)
    await backup
  })
})

describe('a backup of metadata without a file of the store’s own', () => {
  const refuse = async (blobs: BlobStore, message: RegExp) => {
    await isInvalid(blobs.backup(join(temporaryFolder(), 'copy')), message)
    await blobs.close()
  }

  test('is refused, with what to use instead', async () => {
    await refuse(
      hostPlace().store(),
      /of the host, .* SQLite over the very connection that Kysely has .* markBackup\(\)/,
    )
    const metadata = sqliteMetadata(':memory:')
    await refuse(createBlobStore({ backend: new MemoryBackend(), metadata }), /in memory: there is nothing to back up/)
  })

  test.skipIf(!hasPostgres)('is refused on PostgreSQL, with what to use instead', async () => {
    await refuse(postgresPlace().store(), /PostgreSQL with pg_dump/)
  })
})

test('the copy, with the bytes copied after it, is the store again', async () => {
  const place = new FolderPlace()
  const blobs = place.store()
  const ref = await blobs.upload(alice, bytes('kept'))
  await post(blobs, alice, 'a', ref)
  const to = join(place.folder, 'backup')
  mkdirSync(to)
  await blobs.backup(join(to, 'blobs.sqlite'))
  cpSync(place.root, join(to, 'blobs'), { recursive: true })
  await post(blobs, alice, 'b', await blobs.upload(alice, bytes('lost')))
  await blobs.close()
  // The marker that was copied says that the original uses the bytes, for some minutes.
  place.clock.advance(6 * 60_000)
  const restored = place.store({ database: join(to, 'blobs.sqlite'), root: join(to, 'blobs') })
  expect(await text((await restored.read(alice, ref.ref)).body)).toBe('kept')
  expect(await restored.importProgress(alice)).toMatchObject({ expected: 1 })
})
