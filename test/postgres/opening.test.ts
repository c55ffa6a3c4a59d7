import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type BlobStore, MemoryBackend, migrationSql } from '../../src/index.ts'
import { alice, bytes, post } from '../support/samples.ts'
import { limitedRole, someSchema, storeOn } from './opened.ts'

const failureOf = (blobs: BlobStore): Promise<Error> =>
  blobs.ready().then(
    () => expect.unreachable('it was ready'),
    (error) => error,
  )

describe('the settings of a PostgreSQL connection', () => {
  /** Shows the connection a `pg_catalog.current_setting` of our own. */
  async function pretending(settings: Record<string, string>): Promise<Kysely<never>> {
    const schema = someSchema()
    const [db, { name }] = [schema.open({ max: 1 }), schema]
    const cases = Object.entries(settings).map(([key, value]) => `when '${key}' then '${value}'`)
    await sql
      .raw(
        `create function ${name}.current_setting(name text) returns text language sql as
          $$ select case name ${cases.join(' ')} else pg_catalog.current_setting(name) end $$`,
      )
      .execute(db)
    return schema.open({ options: `-c search_path=${name},pg_catalog` })
  }

  test('are accepted by default, and with a synchronous replica', async () => {
    for (const synchronous_commit of ['on', 'local', 'remote_write', 'remote_apply']) {
      await storeOn(await pretending({ fsync: 'on', synchronous_commit }), { durability: 'full' }).ready()
    }
  })

  test('are refused if a commit is acknowledged before it is durable, with the line to set', async () => {
    const hasty = { fsync: 'on', synchronous_commit: 'off' }
    const error = await failureOf(storeOn(await pretending(hasty), { durability: 'full' }))
    expect(error).toMatchObject({ code: 'MetadataUnsafe' })
    expect(error.message).toContain('SET synchronous_commit = on')
    const careless = await failureOf(storeOn(await pretending({ fsync: 'off' }), { durability: 'full' }))
    expect(careless).toMatchObject({ code: 'MetadataUnsafe', message: expect.stringContaining('fsync = on') })
    const both = await failureOf(storeOn(await pretending({ ...hasty, fsync: 'off' }), { durability: 'full' }))
    expect(both.message, 'all lines at once').toMatch(/fsync = on[\s\S]*SET synchronous_commit = on/)
    await storeOn(await pretending(hasty), { durability: 'relaxed' }).ready()
  })

  test('may have any isolation level as the default', async () => {
    for (const level of ['repeatable\\ read', 'serializable']) {
      const schema = someSchema()
      const db = schema.open({ options: `-c search_path=${schema.name} -c default_transaction_isolation=${level}` })
      const blobs = storeOn(db)
      const uploads = Array.from({ length: 20 }, () => blobs.upload(alice, bytes('the same')))
      await Promise.all(uploads)
      expect(await blobs.usage(alice)).toMatchObject({ count: 1, reserved: 0 })
    }
  })
})

describe('the tables on PostgreSQL', () => {
  test('are created once by stores that open at the same time', async () => {
    const schema = someSchema()
    const backend = new MemoryBackend()
    const stores = Array.from({ length: 6 }, () => storeOn(schema.open(), {}, backend))
    await Promise.all(stores.map((blobs) => blobs.ready()))
  })

  test('are those of the connection’s own schema, whatever other schemas have', async () => {
    const [one, other] = [storeOn(someSchema().open()), storeOn(someSchema().open())]
    await post(one, alice, 'a', await one.upload(alice, bytes('x')))
    expect(await other.usage(alice)).toMatchObject({ count: 0 })
  })

  test('are created with the SQL that the library prints, where the role may not create them', async () => {
    const schema = someSchema()
    const owner = schema.open()
    const { db: limited, grantTables } = await limitedRole(schema, owner)
    const error = await failureOf(storeOn(limited))
    expect(error).toMatchObject({
      code: 'MetadataOutdated',
      message: expect.stringContaining("migrationSql('postgres')"),
    })
    expect(error.message).toContain('permission denied')
    expect(await failureOf(storeOn(limited, { migrate: 'check' }))).toMatchObject({ code: 'MetadataOutdated' })

    await sql.raw(await migrationSql('postgres')).execute(owner)
    await grantTables()
    for (const migrate of ['check', 'auto'] as const) {
      const blobs = storeOn(limited, { migrate })
      await post(blobs, alice, migrate, await blobs.upload(alice, bytes(migrate)))
      await blobs.deleteAccount(alice)
      await blobs.collect()
      await blobs.reopenAccount(alice)
      await sql`truncate blobstore_meta`.execute(owner) // the next has another backend
    }
  })
})

describe('a transaction of the host on PostgreSQL', () => {
  test('that had failed before is named as the reason', async () => {
    const db = someSchema().open()
    const blobs = storeOn(db)
    await blobs.ready()
    await db
      .transaction()
      .execute(async (trx) => {
        await sql`select nonsense`.execute(trx).catch(() => {})
        await expect(blobs.usage(alice, { trx })).rejects.toMatchObject({
          code: 'MetadataFailed',
          message: expect.stringContaining('rolled back'),
        })
      })
      .catch(() => {}) // what Kysely says of committing it
  })
})

test('an unreachable server is a transient failure', async () => {
  const db = new Kysely<never>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ host: '127.0.0.1', port: 1, user: 'x' }) }),
  })
  onTestFinished(() => db.destroy())
  const error = await failureOf(storeOn(db))
  expect(error).toMatchObject({ code: 'MetadataFailed', transient: true })
  expect(error.message).toContain('ECONNREFUSED')
})
