import { join } from 'node:path'
import Database from 'better-sqlite3'
import { CamelCasePlugin, type ColumnType, type Generated, Kysely, type KyselyPlugin, SqliteDialect, sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type BlobStore,
  createBlobStore,
  type HostDatabase,
  type KyselyMetadataOptions,
  kyselyMetadata,
  MemoryBackend,
} from '../../src/index.ts'
import { Clock, temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, nextRev, post, text, uriOf } from '../support/samples.ts'

interface HostTables {
  hostRecord: { recordUri: string; createdAt: ColumnType<number, number, never>; id: Generated<number> }
}

function host(plugins: KyselyPlugin[] = [], options: Database.Options = {}) {
  const file = join(temporaryFolder(), 'pds.sqlite')
  const database = new Database(file, options)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  const db = new Kysely<HostTables>({ dialect: new SqliteDialect({ database }), plugins })
  onTestFinished(() => db.destroy())
  return { db, database, file }
}

function storeOn(db: HostDatabase, options?: KyselyMetadataOptions, backend = new MemoryBackend()): BlobStore {
  const blobs = createBlobStore({ backend, metadata: kyselyMetadata(db, options), limits: { accept: ['*/*'] } })
  onTestFinished(() => blobs.close())
  return blobs
}

const tablesOf = (database: Database.Database): string[] =>
  database
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .all()
    .map((row) => (row as { name: string }).name)
    .sort()

describe('the tables', () => {
  test('are created when the store opens, all with names of their own', async () => {
    const { db, database } = host()
    database.exec('CREATE TABLE blob (id INTEGER); CREATE TABLE account (id INTEGER)')
    await storeOn(db).ready()
    const tables = tablesOf(database)
    expect(tables.length).toBeGreaterThan(5)
    expect(tables.filter((name) => !name.startsWith('blobstore_'))).toEqual(['account', 'blob'])
  })

  test('do not affect those of the host, nor its migrations', async () => {
    const { db, database } = host()
    database.exec(`
      CREATE TABLE kysely_migration (name TEXT PRIMARY KEY, timestamp TEXT NOT NULL);
      CREATE TABLE kysely_migration_lock (id TEXT PRIMARY KEY, is_locked INTEGER NOT NULL);
      CREATE TABLE record (uri TEXT PRIMARY KEY, cid TEXT);
      CREATE INDEX record_cid ON record (cid);
      CREATE TABLE blob (cid TEXT PRIMARY KEY, "mimeType" TEXT);
      INSERT INTO kysely_migration VALUES ('001', '2026-01-01');
      INSERT INTO kysely_migration_lock VALUES ('migration_lock', 0);
      INSERT INTO record VALUES ('at://x', 'y');
      INSERT INTO blob VALUES ('z', 'image/png');
    `)
    const dump = (): unknown[] => [
      database.prepare(`SELECT * FROM sqlite_schema WHERE name NOT LIKE '%blobstore_%'`).all(),
      ...['kysely_migration', 'kysely_migration_lock', 'record', 'blob'].map((table) =>
        database.prepare(`SELECT * FROM ${table}`).all(),
      ),
      database.pragma('user_version'),
      database.pragma('application_id'),
    ]
    const before = dump()
    const blobs = storeOn(db)
    await post(blobs, alice, 'a', await blobs.upload(alice, bytes('x')))
    await blobs.deleteAccount(alice)
    await blobs.collect()
    await blobs.sweep()
    await blobs.close()
    expect(dump()).toEqual(before)
  })

  test('are the same for a store that opens later', async () => {
    const { db } = host()
    const backend = new MemoryBackend()
    const first = storeOn(db, {}, backend)
    const ref = await first.upload(alice, bytes('kept'))
    await post(first, alice, 'a', ref)
    await first.close()
    const second = storeOn(db, {}, backend)
    expect(await text((await second.read(alice, ref.ref)).body)).toBe('kept')
  })

  test('are not created where the host forbids it', async () => {
    const { db, database } = host()
    const backend = new MemoryBackend()
    const careful = storeOn(db, { migrate: 'check' }, backend)
    await expect(careful.ready()).rejects.toMatchObject({ code: 'MetadataOutdated' })
    await expect(careful.upload(alice, bytes('x'))).rejects.toMatchObject({ code: 'MetadataOutdated' })
    expect(tablesOf(database)).toEqual([])

    const first = storeOn(db, { migrate: 'auto' }, backend)
    await first.ready()
    await first.close()
    await careful.ready()
    await careful.upload(alice, bytes('x'))
  })

  test('are outdated when a newer version of the library wrote them', async () => {
    const { db, database } = host()
    const backend = new MemoryBackend()
    const first = storeOn(db, {}, backend)
    await first.ready()
    await first.close()
    const migrations = tablesOf(database).find((name) => /migration$/.test(name)) as string
    const columns = database.prepare(`SELECT * FROM ${migrations}`).get() as Record<string, unknown>
    const future = { ...columns, name: '9999-future' }
    const names = Object.keys(future)
    database
      .prepare(`INSERT INTO ${migrations} (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`)
      .run(future)
    for (const migrate of ['auto', 'check'] as const) {
      const later = storeOn(db, { migrate }, backend)
      await expect(later.ready(), migrate).rejects.toMatchObject({ code: 'MetadataOutdated' })
    }
  })
})

describe('the host’s Kysely', () => {
  // Fails when the plugin is dropped in silence: the tables would be outside the schema.
  test('may not be limited to a schema, but may have one in other queries', async () => {
    for (const plugins of [[], [new CamelCasePlugin()]]) {
      const { db, database } = host(plugins)
      for (const limited of [db.withSchema('pds'), db.withSchema('pds').withTables<{ other: { id: number } }>()]) {
        const adapter = () => kyselyMetadata(limited)
        expect(adapter).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
        expect(adapter).toThrow(/limited to the schema "pds" by withSchema\(\).*SET search_path = "pds"/)
      }
      database.exec("ATTACH ':memory:' AS pds; CREATE TABLE pds.host_record (id INTEGER)")
      const blobs = storeOn(db)
      const ref = await blobs.upload(alice, bytes('x'))
      await db.transaction().execute(async (trx) => {
        const write = { action: 'create', uri: uriOf(alice, 'a'), record: { ref } } as const
        await blobs.applyWrites(alice, [write], { rev: nextRev(), trx: trx.withSchema('pds') })
      })
      expect(await blobs.stat(alice, ref.ref)).toMatchObject({ referenced: true })
      expect(tablesOf(database)).toContain('blobstore_blob')
    }
  })

  test('may rename columns', async () => {
    const { db } = host([new CamelCasePlugin()])
    await sql`CREATE TABLE host_record (id INTEGER PRIMARY KEY, record_uri TEXT, created_at INTEGER)`.execute(db)
    const clock = new Clock()
    const blobs = storeOn(db, { now: clock.now })
    const ref = await blobs.upload(alice, bytes('camel'))
    const uri = uriOf(alice, 'a')
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('hostRecord').values({ recordUri: uri, createdAt: 1 }).execute()
      await blobs.applyWrites(alice, [{ action: 'create', uri, record: { ref } }], { rev: nextRev(), trx })
      expect(await blobs.stat(alice, ref.ref, { trx })).toMatchObject({ referenced: true, mimeType: ref.mimeType })
    })
    expect(await db.selectFrom('hostRecord').select(['recordUri', 'createdAt']).execute()).toEqual([
      { recordUri: uri, createdAt: 1 },
    ])
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('camel')
    expect(await blobs.listAll(alice)).toMatchObject({ items: [{ createdAt: new Date(clock.time), size: 5 }] })
    await blobs.upload(alice, bytes('temporary'))
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    expect(await blobs.sweep()).toMatchObject({ keys: 2, orphans: 0 })
    expect(await blobs.usage(alice)).toEqual({ bytes: 5, count: 1, reserved: 0, pending: 9 })
  })

  test('may change results', async () => {
    const shouting: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => ({ ...result, rows: [] }),
    }
    const { db } = host([shouting])
    const blobs = storeOn(db)
    const ref = await blobs.upload(alice, bytes('x'))
    await db.transaction().execute(async (trx) => {
      const writes = [{ action: 'create', uri: uriOf(alice, 'a'), record: { ref } }] as const
      await blobs.applyWrites(alice, writes, { rev: nextRev(), trx })
      expect(await blobs.importProgress(alice, { trx })).toEqual({ expected: 1, imported: 1 })
    })
    expect(await blobs.stat(alice, ref.ref)).toMatchObject({ size: 1 })
  })

  test('may return integers as bigint', async () => {
    const { db, database } = host()
    database.defaultSafeIntegers(true)
    const clock = new Clock()
    const blobs = storeOn(db, { now: clock.now })
    const ref = await blobs.upload(alice, bytes('12345'))
    await post(blobs, alice, 'a', ref)
    await blobs.upload(alice, bytes('temporary'))
    expect(await blobs.stat(alice, ref.ref)).toEqual({
      cid: ref.ref.toString(),
      mimeType: ref.mimeType,
      size: 5,
      createdAt: new Date(clock.time),
      referenced: true,
      takenDown: false,
    })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    expect(await blobs.usage(alice)).toEqual({ bytes: 14, count: 2, reserved: 0, pending: 0 })
    expect((await blobs.listAll(alice, { limit: 1 })).cursor).toBeTypeOf('string')
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('12345')
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1, waitingKeys: 1 })
    expect(await blobs.sweep()).toEqual({ keys: 2, orphans: 0, stopped: false, spools: 0 })
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1, deletedBytes: 9, waitingKeys: 0 })
    await blobs.deleteAccount(alice)
    await blobs.upload(bob, bytes('12345'))
  })

  test('must be a Kysely, not a transaction', async () => {
    const { db, database } = host()
    for (const wrong of [undefined, null, {}, 'pds.sqlite', database]) {
      const make = () => kyselyMetadata(wrong as never)
      expect(make, String(wrong)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
    await db.transaction().execute(async (trx) => {
      expect(() => kyselyMetadata(trx)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    })
    for (const options of [{ migrations: 'auto' }, { migrate: 'manual' }, { durability: 'low' }, null]) {
      const make = () => kyselyMetadata(db, options as never)
      expect(make, JSON.stringify(options)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
  })

  test('is not blocked by a store that only waits', async () => {
    const { db } = host()
    const blobs = storeOn(db)
    async function* slow(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 20; index++) {
        yield new Uint8Array(100_000)
        await db.transaction().execute((trx) => sql`SELECT 1`.execute(trx))
      }
    }
    expect((await blobs.upload(alice, slow())).size).toBe(2_000_000)
  })

  test('may be of a database that another connection writes to', async () => {
    // SQLite's own wait for a lock would block this process, and with it the other connection.
    const { db, file } = host([], { timeout: 10 })
    const blobs = storeOn(db)
    await blobs.ready()
    const other = new Database(file)
    onTestFinished(() => void other.close())
    other.exec('BEGIN IMMEDIATE')
    const upload = blobs.upload(alice, bytes('waits'))
    await new Promise((resolve) => setTimeout(resolve, 150))
    other.exec('COMMIT')
    expect((await upload).size).toBe(5)
  })
})
