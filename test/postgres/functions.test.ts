import { setTimeout as sleep } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import {
  type BlobStore,
  type KyselyMetadataOptions,
  kyselyMetadata,
  MemoryBackend,
  migrationSql,
} from '../../src/index.ts'
import { PostgresSchema } from '../support/postgres.ts'
import { alice, bob, bytes, nextRev, post, unpost, uriOf } from '../support/samples.ts'
import { wrongsIn } from './bench.ts'
import { limitedRole, someSchema, storeOn } from './opened.ts'
import { steeredDialect } from './steered.ts'

/** A schema, and a store on it that counts the statements that it sends. */
function counted(options: KyselyMetadataOptions = {}, settings = '') {
  const schema = someSchema()
  const { sent, Dialect } = recording()
  const config = { options: `${schema.config().options} ${settings}` }
  const db = schema.open(config, Dialect)
  const backend = new MemoryBackend()
  return { schema, sent, backend, blobs: storeOn(db, options, backend, { quota: { bytes: 1000 } }), db }
}

/** A dialect that records what is sent. */
function recording() {
  const sent: string[] = []
  return { sent, Dialect: steeredDialect({ before: async (text) => void sent.push(text) }) }
}

const isCall = (text: string) => /^select "[^"]+"\.blobstore_(intend|commit|reference)_/.test(text)

/** How many statements an upload and its record sent, and how many of them called a function. */
async function uploadOn({ blobs, sent }: { blobs: BlobStore; sent: string[] }, content = 'x') {
  await blobs.ready()
  sent.length = 0
  await post(blobs, alice, content, await blobs.upload(alice, bytes(content)))
  const [all, calls] = [sent.length, sent.filter(isCall).length]
  expect(await blobs.usage(alice)).toMatchObject({ reserved: 0 })
  expect(await blobs.importProgress(alice)).toMatchObject({ expected: expect.any(Number) })
  return { all, calls }
}

describe('the functions on PostgreSQL', () => {
  test('need a question and a call for an upload, and a call for its record, instead of many statements', async () => {
    const place = counted()
    expect(await uploadOn(place)).toEqual({ all: 3, calls: 2 })
    expect(await uploadOn(place, 'y')).toEqual({ all: 3, calls: 2 })
    const without = await uploadOn(counted({ functions: false }))
    expect(without.calls).toBe(0)
    expect(without.all).toBe(16)
  })

  test('need three calls for an upload that is inspected, and its record', async () => {
    const place = counted()
    place.blobs.setHooks({ inspect: async () => undefined })
    expect(await uploadOn(place)).toEqual({ all: 3, calls: 3 })
  })

  test('are called in the host’s transaction, and roll back with it', async () => {
    const { blobs, sent, db } = counted()
    const ref = await blobs.upload(alice, bytes('x'))
    const writes = [{ action: 'create', uri: uriOf(alice, 'a'), record: { ref } }] as const
    sent.length = 0
    await db
      .transaction()
      .execute(async (trx) => {
        await blobs.applyWrites(alice, writes, { rev: nextRev(), trx })
        expect(await blobs.recordsFor(alice, ref.ref, { trx })).toEqual([uriOf(alice, 'a')])
        throw new Error('rolled back')
      })
      .catch(() => {})
    expect(sent.filter(isCall)).toHaveLength(1)
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([])
    // What the function gives up, the steps do in the same transaction.
    await post(blobs, alice, 'a', ref)
    await db.transaction().execute((trx) => blobs.applyWrites(alice, writes, { rev: nextRev(), trx }))
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uriOf(alice, 'a')])
    expect(await wrongsIn(db)).toEqual([])
  })

  test('answer as many statements for bytes that others have as for new ones', async () => {
    const place = counted()
    await place.blobs.upload(bob, bytes('theirs'))
    expect(await uploadOn(place, 'theirs')).toEqual(await uploadOn(place, 'mine'))
  })

  test('leave to the steps what is unusual, and write nothing of it', async () => {
    const { blobs, sent, db } = counted()
    const ref = await blobs.upload(alice, bytes('x'))
    await post(blobs, alice, 'a', ref)
    sent.length = 0
    await expect(blobs.upload(bob, bytes('much'.repeat(300)))).rejects.toMatchObject({ code: 'QuotaExceeded' })
    expect(sent.filter(isCall)).toHaveLength(0)
    blobs.setHooks({ inspect: async () => undefined })
    await expect(blobs.upload(bob, bytes('much'.repeat(300)))).rejects.toMatchObject({ code: 'QuotaExceeded' })
    expect(sent.filter(isCall)).toHaveLength(1)
    blobs.setHooks({})
    expect(await blobs.usage(bob)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
    expect(await wrongsIn(db)).toEqual([])
    await blobs.upload(alice, bytes('x')) // has it
    await post(blobs, alice, 'a', ref) // is an update
    await unpost(blobs, alice, 'a')
    await blobs.deleteAccount(alice)
    await expect(blobs.upload(alice, bytes('z'))).rejects.toMatchObject({ code: 'AccountDeleted' })
    await expect(post(blobs, alice, 'b', ref)).rejects.toMatchObject({ code: 'AccountDeleted' })
  })

  test('are called by many at once, whatever of one CID is stored first', async () => {
    const { blobs, db } = counted()
    const all = Array.from({ length: 40 }, (_, number) => `did:plc:many${number % 20}`)
    await Promise.all(all.map((did) => blobs.upload(did, bytes('the same'))))
    const { rows } = await sql<{ count: unknown }>`select count(*) as count from blobstore_content`.execute(db)
    expect(Number(rows[0]?.count)).toBe(1)
    for (const did of new Set(all)) expect(await blobs.usage(did)).toMatchObject({ count: 1, reserved: 0 })
  })

  test.each(['repeatable\\ read', 'serializable'])('leave all to the steps at another level: %s', async (level) => {
    const { all, calls } = await uploadOn(counted({}, `-c default_transaction_isolation=${level}`))
    expect(calls).toBe(2)
    expect(all).toBeGreaterThan(13)
  })

  test('leave all to the steps where transactions only read unless they say otherwise', async () => {
    const { all, calls } = await uploadOn(counted({}, '-c default_transaction_read_only=on'))
    expect(calls).toBe(2)
    expect(all).toBeGreaterThan(13)
  })

  test('are not missed when they are dropped under a running process', async () => {
    const place = counted()
    await uploadOn(place)
    await dropFunctions(place.db)
    expect((await uploadOn(place, 'y')).calls).toBe(1) // and not again
    expect((await uploadOn(place, 'z')).calls).toBe(0)
  })

  test('are not confused with others of their name', async () => {
    const place = counted()
    await place.blobs.ready()
    for (const { name, count } of await functionsIn(place.db)) {
      const texts = Array.from({ length: count }, () => 'text').join(', ')
      await sql.raw(`create function ${name}(${texts}) returns boolean language sql as 'select true'`).execute(place.db)
    }
    expect(await uploadOn(place)).toEqual({ all: 3, calls: 2 })
    expect(await place.blobs.usage(alice)).toMatchObject({ count: 1 })
  })

  test('keep the bytes that another account stored while they waited', async () => {
    const { blobs, db, schema, backend } = counted()
    await blobs.upload(alice, bytes('before')) // or there would be no row to hold
    const [held, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let holding: Promise<unknown> | undefined
    const slow = storeOn(
      schema.open(
        {},
        steeredDialect({
          async before(text) {
            if (!text.includes('blobstore_commit_') || holding) return
            holding = db.transaction().execute(async (trx) => {
              await sql`update blobstore_account set bytes = bytes where did = ${alice}`.execute(trx)
              held.resolve()
              await letGo.promise
            })
            await held.promise
          },
        }),
      ),
      {},
      backend,
    )
    const late = slow.upload(alice, bytes('the same'))
    while (!(await schema.isWaiting())) await sleep(5)
    await blobs.upload(bob, bytes('the same'))
    const keyOf = () => sql<{ key: string }>`select key from blobstore_content order by key`.execute(db)
    const before = (await keyOf()).rows
    letGo.resolve()
    await Promise.all([late, holding])
    expect((await keyOf()).rows).toEqual(before)
    expect(await wrongsIn(db)).toEqual([])
  })

  test('are in the SQL of the tables, in a transaction of their own, unless they are not wanted', async () => {
    const all = await migrationSql('postgres')
    expect(all.split('commit;\n')).toHaveLength(3)
    expect(all).toContain('blobstore_commit_')
    const without = await migrationSql('postgres', { functions: false })
    expect(without).not.toContain('create or replace function')
    expect(all.startsWith(without)).toBe(true)
  })

  test('are not called if they are not the same to the letter', async () => {
    const place = counted()
    await place.blobs.ready()
    const { rows } = await sql<{ name: string; args: string }>`
      select proname as name, pg_get_function_arguments(oid) as args from pg_proc
      where proname like 'blobstore_commit_%' and pronamespace = ${place.schema.name}::regnamespace`.execute(place.db)
    const [{ name, args } = { name: '', args: '' }] = rows
    await sql
      .raw(
        `create or replace function ${name}(${args}) returns boolean language plpgsql as $$ begin return true; end $$`,
      )
      .execute(place.db)
    const { sent, Dialect } = recording()
    const other = storeOn(place.schema.open({}, Dialect), { migrate: 'check' }, place.backend)
    expect((await uploadOn({ blobs: other, sent })).calls).toBe(0)
  })

  test('are not needed by a role that may not create them, and called by it if another role has', async () => {
    const { schema, blobs, backend, db } = counted({ functions: false })
    await blobs.ready()
    const { sent, Dialect } = recording()
    const limited = await limitedRole(schema, db, Dialect)
    await limited.grantTables()
    const warnings: string[] = []
    const logger = {
      info() {},
      warn: (_: object, message: string) => void (/functions/.test(message) && warnings.push(message)),
      error() {},
    }
    const without = storeOn(limited.db, {}, backend, {}, logger)
    expect(await uploadOn({ blobs: without, sent })).toMatchObject({ calls: 0 })
    expect(warnings).toEqual([expect.stringMatching(/does not have the functions .* owner .* run migrationSql\(\)/)])

    const { rows } = await sql<{ after: string }>`select max(name) as after from blobstore_migration`.execute(db)
    await sql.raw(await migrationSql('postgres', rows[0])).execute(db)
    const withThem = storeOn(limited.db, { migrate: 'check' }, backend, {}, logger)
    expect(await uploadOn({ blobs: withThem, sent }, 'y')).toMatchObject({ all: 3 })
    expect(warnings).toHaveLength(1)
  })

  test('are an option that is true or false', () => {
    const wrong = { functions: 'no' } as unknown as KyselyMetadataOptions
    expect(() => kyselyMetadata(new PostgresSchema().open(), wrong)).toThrow('functions must be true or false')
  })
})

/** The names of the functions, and how many parameters they have. */
async function functionsIn(db: Kysely<never>) {
  const { rows } = await sql<{ name: string; count: number }>`select proname as name, pronargs as count from pg_proc
    where proname like 'blobstore_%' and pg_function_is_visible(oid)`.execute(db)
  return rows
}

async function dropFunctions(db: Kysely<never>): Promise<void> {
  for (const { name } of await functionsIn(db)) await sql`drop function ${sql.id(name)}`.execute(db)
}
