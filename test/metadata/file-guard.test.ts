import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import OtherDatabase from 'better-sqlite3-other'
import { type Kysely, sql } from 'kysely'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type BlobStore, cidOfBytes, createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { HeldLock } from '../../src/metadata/sqlite/held-lock.ts'
import { type Intrusion, intrusions } from '../processes/second-sqlite/intrusions.ts'
import { hostPlace, temporaryFolder } from '../support/places.ts'
import { alice, bytes, nextRev, uriOf } from '../support/samples.ts'

// What is lost without the guard, in real processes: test/processes/second-sqlite.

const limits = { accept: ['*/*'] }
const cid = String(cidOfBytes(bytes('first')))
const onLinux = process.platform === 'linux'

async function storeOnFile() {
  const file = join(temporaryFolder(), 'facts', 'blobs.sqlite')
  const open = () => createBlobStore({ backend, metadata: sqliteMetadata(file, { durability: 'relaxed' }), limits })
  const backend = new MemoryBackend()
  const blobs = open()
  onTestFinished(() => blobs.close())
  await blobs.upload(alice, bytes('first'))
  return { file, blobs, open }
}

const upload = (blobs: BlobStore, text: string) => blobs.upload(alice, bytes(text))
const isRefused = (call: Promise<unknown>) => expect(call).rejects.toMatchObject({ code: 'MetadataUnsafe' })

describe.runIf(onLinux)('where the system shows the locks of a file', () => {
  test.each(Object.keys(intrusions) as Intrusion[])('nothing is written after a %s', async (name) => {
    const { file, blobs } = await storeOnFile()
    await intrusions[name](file)
    await isRefused(upload(blobs, 'second'))
    await isRefused(upload(blobs, 'third'))
    await expect(blobs.usage(alice)).resolves.toMatchObject({ count: 1 })
  })

  test('the message says what to remove, and what to do', async () => {
    const { file, blobs } = await storeOnFile()
    await intrusions.readFile(file)
    await expect(upload(blobs, 'second')).rejects.toThrow(
      /lost its locks .* another copy of better-sqlite3, node:sqlite, .* blobs\.backup\), and start the process again/,
    )
  })

  test('a store that is closed and opened again in the same process writes again', async () => {
    const { file, blobs, open } = await storeOnFile()
    await intrusions.query(file)
    await isRefused(upload(blobs, 'second'))
    await blobs.close()
    const again = open()
    await upload(again, 'second')
    await expect(again.usage(alice)).resolves.toMatchObject({ count: 2 })
    await again.close()
  })

  test('another SQLite that opened the file first, and closes it, is noticed too', async () => {
    const { file, blobs, open } = await storeOnFile()
    await blobs.close()
    const other = new OtherDatabase(file)
    other.prepare('select 1 from sqlite_schema').get()
    const later = open()
    onTestFinished(() => later.close())
    await upload(later, 'second')
    other.close()
    await isRefused(upload(later, 'third'))
  })

  test('a transaction in which the locks are lost is rolled back, and one after which they are lost is not acknowledged', async () => {
    for (const [looks, name] of [
      [0, 'before'],
      [2, 'after'],
    ] as const) {
      const { file, blobs } = await storeOnFile()
      const state = vi.spyOn(HeldLock.prototype, 'state')
      onTestFinished(() => state.mockRestore())
      for (let look = 0; look < looks; look++) state.mockReturnValueOnce('held')
      state.mockReturnValueOnce('lost')
      await isRefused(blobs.takedown(alice, cid))
      const database = new Database(file)
      onTestFinished(() => void database.close())
      const { count } = database.prepare('select count(*) as count from blobstore_takedown').get() as { count: number }
      expect(count, name).toBe(looks === 0 ? 0 : 1)
    }
  })
})

test('other connections of the same SQLite may open and close, even the first one', async () => {
  const { file, blobs, open } = await storeOnFile()
  const connection = new Database(file)
  connection.prepare('select count(*) from blobstore_blob').get()
  connection.close()
  const second = open()
  await upload(second, 'second')
  await blobs.close()
  await upload(second, 'third')
  await second.close()
})

describe('where the system shows no locks', () => {
  test.each(['', '-wal'])(
    'a file%s that was deleted or replaced is noticed, and nothing is read any more',
    async (end) => {
      const find = vi.spyOn(HeldLock, 'find').mockReturnValue(null)
      onTestFinished(() => find.mockRestore())
      for (const become of [rmSync, (path: string) => renameSync(path, `${path}.away`)]) {
        const { file, blobs } = await storeOnFile()
        become(`${file}${end}`)
        await isRefused(upload(blobs, 'second'))
        await isRefused(blobs.usage(alice))
        await expect(upload(blobs, 'third')).rejects.toThrow(/was deleted or replaced, .* Start the process again/)
      }
    },
  )
})

test('in a transaction of the host, references are refused before it commits', async () => {
  const { store, db } = hostPlace()
  const blobs = store()
  const ref = await upload(blobs, 'first')
  const { rows } = await sql<{ file: string }>`PRAGMA database_list`.execute(db as Kysely<never>)
  const file = rows[0]?.file
  renameSync(`${file}-wal`, `${file}-wal.away`)
  const rev = nextRev()
  const writing = db
    ?.transaction()
    .execute((trx) =>
      blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, '1'), record: { ref } }], { rev, trx }),
    )
  await isRefused(writing as Promise<unknown>)
})

test('a database in memory is not watched', async () => {
  const memory = createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:'), limits })
  await upload(memory, 'first')
  await memory.close()
})
