import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { type BlobStore, createBlobStore, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { wrongsIn } from '../postgres/bench.ts'
import { hasPgBouncer, startPgBouncer } from '../servers/pgbouncer.ts'
import { Clock } from '../support/clock.ts'
import { postgresUrl } from '../support/postgres.ts'
import { alice, bob, bytes, day, nextRev, text, uriOf } from '../support/samples.ts'

// PgBouncer gives a connection to PostgreSQL to another client after each transaction: session state is lost, or
// becomes another's.

/** A separate database, because a pooler does not pass on search_path. */
async function someDatabase(): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client(postgresUrl())
  await admin.connect()
  onTestFinished(async () => {
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  })
  await admin.query(`create database ${name}`)
  return name
}

// Fails when migrating takes a session lock: the second process waits for it for ever.
test.runIf(hasPgBouncer())('a store works completely behind PgBouncer in transaction mode', async () => {
  const database = await someDatabase()
  const bouncer = await startPgBouncer(postgresUrl(), 3)
  onTestFinished(() => bouncer[Symbol.asyncDispose]())
  const [clock, backend] = [new Clock(), new MemoryBackend()]
  const processes = [1, 2].map(() => {
    const pool = new pg.Pool({ connectionString: bouncer.urlOf(database), max: 10 })
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    const db = new Kysely<never>({ dialect: new PostgresDialect({ pool }) })
    onTestFinished(() => db.destroy())
    const metadata = kyselyMetadata(db, { durability: 'relaxed', now: clock.now })
    const blobs = createBlobStore({ backend, metadata, limits: { accept: ['*/*'] } })
    onTestFinished(() => blobs.close())
    return { blobs, db }
  })
  const [one, other] = processes as [Process, Process]
  await Promise.all(processes.map(({ blobs }) => blobs.ready()))

  await Promise.all(
    Array.from({ length: 120 }, async (_, at) => {
      const [did, { blobs, db }] = [at % 3 ? alice : bob, at % 2 ? one : other]
      const content = at % 10 ? bytes(`blob ${at % 40}`) : Buffer.alloc(1_500_000, at)
      const ref = await blobs.upload(did, content)
      const write = { action: 'create', uri: uriOf(did, `${at}`), record: { ref } } as const
      await db.transaction().execute(async (trx) => {
        await blobs.applyWrites(did, [write], { rev: nextRev(), trx })
        if (at % 7 === 0) await sql`select pg_sleep(0.05)`.execute(trx)
      })
      expect((await (await blobs.read(did, ref.ref)).bytes()).length).toBe(content.length)
      if (at % 20 === 0) await blobs.collect()
      if (at % 4 > 0) await blobs.applyWrites(did, [{ action: 'delete', uri: write.uri }], { rev: nextRev() })
    }),
  )
  for (let round = 0; round < 3; round++) {
    clock.advance(2 * day)
    await Promise.all([one.blobs.collect(), other.blobs.collect(), one.blobs.sweep()])
  }
  expect(await wrongsIn(one.db)).toEqual([])
  expect(await other.blobs.scrub({ olderThan: 0 })).toMatchObject({ findings: [], recounted: [] })
  const { storedCount, doomedCount, count } = await other.blobs.stats()
  expect([(await backend.list()).keys.length, doomedCount]).toEqual([storedCount, 0])
  expect(count).toBeGreaterThan(0)
  const { items } = await one.blobs.listPublic(alice)
  expect(await text((await one.blobs.read(alice, items[0] ?? '')).body)).not.toBe('')
})

interface Process {
  blobs: BlobStore
  db: Kysely<never>
}
