import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as kysely from 'kysely'
import * as kysely27 from 'kysely-0.27'
import * as kysely28 from 'kysely-0.28'
import * as kysely29 from 'kysely-0.29'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createBlobStore, type HostDatabase, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes, post, text, unpost } from '../support/samples.ts'

// The store runs on whatever Kysely the host has.

function host({ Kysely, SqliteDialect }: Pick<typeof kysely, 'Kysely' | 'SqliteDialect'>) {
  const database = new Database(join(temporaryFolder(), 'pds.sqlite'))
  for (const setting of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) database.pragma(setting)
  database.exec('CREATE TABLE record (uri TEXT)')
  const db = new Kysely<{ record: { uri: string } }>({ dialect: new SqliteDialect({ database }) })
  onTestFinished(() => db.destroy())
  return { database, db }
}

function storeOn(db: HostDatabase) {
  const blobs = createBlobStore({
    backend: new MemoryBackend(),
    metadata: kyselyMetadata(db),
    limits: { accept: ['*/*'] },
  })
  onTestFinished(() => blobs.close())
  return blobs
}

const versions = [
  { version: '0.28.8', module: kysely28 as unknown as typeof kysely },
  { version: '0.29.6', module: kysely29 as unknown as typeof kysely },
  { version: 'of this package', module: kysely },
]

describe.each(versions)('a host with the Kysely $version', ({ module }) => {
  test('has a store that works completely', async () => {
    const { db } = host(module)
    const blobs = storeOn(db)
    const ref = await blobs.upload(alice, bytes('hello'))
    await post(blobs, alice, 'a', ref)
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('hello')
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('record').values({ uri: 'at://x' }).execute()
      expect(await blobs.listPublic(alice, { trx })).toMatchObject({ items: [String(ref.ref)] })
    })
    await unpost(blobs, alice, 'a')
    await blobs.deleteAccount(alice)
    expect(await blobs.collect()).toMatchObject({ failedKeys: 0, waitingKeys: 1 })
    expect(await blobs.sweep()).toMatchObject({ orphans: 0 })
  })

  test('is refused if it is limited to a schema', () => {
    expect(() => kyselyMetadata(host(module).db.withSchema('pds'))).toThrow(/limited to the schema "pds"/)
  })

  // Fails when transactions are begun by `startTransaction` of 0.28.8 to 0.29.6, which keeps the only connection for
  // ever when a ROLLBACK fails. On a full disk SQLite has rolled back by itself, and refuses another ROLLBACK.
  test('continues after a transaction that SQLite has rolled back by itself', async () => {
    const { database, db } = host(module)
    const blobs = storeOn(db)
    await blobs.upload(alice, bytes('before'))
    database.exec(`CREATE TRIGGER full BEFORE INSERT ON blobstore_content BEGIN SELECT RAISE(ROLLBACK, 'full'); END`)
    await expect(blobs.upload(alice, bytes('refused'))).rejects.toMatchObject({ code: 'MetadataBusy' })
    expect(database.inTransaction).toBe(false)
    expect(await db.selectFrom('record').selectAll().execute()).toEqual([])
    database.exec('DROP TRIGGER full')
    await blobs.upload(alice, bytes('after'))
    expect(await blobs.usage(alice)).toMatchObject({ count: 2, reserved: 0 })
  })
})

// Fails when the version is detected by a call that does not exist.
test('a host with Kysely 0.27 gets an error that says which version to install', () => {
  const { db } = host(kysely27 as unknown as typeof kysely)
  expect(() => kyselyMetadata(db)).toThrow(/Kysely is older than 0\.28.*npm install kysely@0\.29/)
})
