import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { type BlobStoreOptions, createBlobStore, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { bytes } from '../support/samples.ts'

// Transactions that SQLite's writers share. Fails when a group is committed although a member failed, when one that
// failed fails the others, and when a member is acknowledged before the commit.

function storeThatTells(options: Partial<BlobStoreOptions> = {}) {
  const database = new Database(join(temporaryFolder(), 'pds.sqlite'))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  const said: string[] = []
  let failing = false
  const prepare = database.prepare.bind(database)
  database.prepare = ((sql: string) => {
    said.push(sql)
    if (failing && /^commit/i.test(sql) && hasStored()) throw Object.assign(new Error('I/O'), { code: 'SQLITE_IOERR' })
    return prepare(sql)
  }) as typeof database.prepare
  const db = new Kysely<never>({ dialect: new SqliteDialect({ database }) })
  const blobs = createBlobStore({
    backend: new MemoryBackend(),
    metadata: kyselyMetadata(db),
    limits: { accept: ['*/*'] },
    ...options,
  })
  onTestFinished(async () => {
    await blobs.close()
    await db.destroy()
  })
  const commits = () => said.filter((sql) => /^commit/i.test(sql)).length
  const hasStored = () =>
    said
      .slice(said.findLastIndex((sql) => /^begin/i.test(sql)))
      .some((sql) => sql.startsWith('insert into "blobstore_blob"'))
  /** Makes those transactions fail at their commit that would store a blob. */
  const failToStore = (fails: boolean) => {
    failing = fails
  }
  return { blobs, commits, failToStore }
}

const many = Array.from({ length: 40 }, (_, n) => n)
const accountOf = (n: number) => `did:plc:account${n}`

test('concurrent uploads share their transactions', async () => {
  const { blobs, commits } = storeThatTells()
  await blobs.ready()
  const before = commits()
  await Promise.all(many.map((n) => blobs.upload(accountOf(n), bytes(`blob ${n}`))))
  // Alone, each would commit twice.
  expect(commits() - before).toBeLessThan(many.length / 2)
})

test('an upload that is refused leaves nothing, and does not affect others in its group', async () => {
  const refused = (n: number) => n % 5 === 0
  const { blobs } = storeThatTells({
    limits: { accept: ['*/*'], quota: (did) => ({ bytes: refused(Number(did.slice(15))) ? 3 : 100 }) },
  })
  await blobs.ready()
  const outcomes = await Promise.allSettled(many.map((n) => blobs.upload(accountOf(n), bytes(`blob ${n}`))))
  for (const [n, outcome] of outcomes.entries()) {
    if (refused(n)) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'QuotaExceeded' } })
    else expect(outcome).toMatchObject({ status: 'fulfilled' })
    const nothing = { bytes: 0, count: 0, reserved: 0, pending: 0 }
    const expected = refused(n) ? nothing : { ...nothing, bytes: bytes(`blob ${n}`).length, count: 1 }
    expect(await blobs.usage(accountOf(n))).toEqual(expected)
  }
  expect(await blobs.stats()).toMatchObject({ count: 32, reserved: 0, doomedCount: 0 })
})

test('an upload sees what others in its group have written', async () => {
  const { blobs } = storeThatTells()
  await blobs.ready()
  // The same bytes from everybody: the first brings the content, the others find it.
  const refs = await Promise.all(many.map((n) => blobs.upload(accountOf(n), bytes('the same'))))
  expect(new Set(refs.map((ref) => String(ref.ref))).size).toBe(1)
  expect(await blobs.stats()).toMatchObject({ count: 40, storedCount: 1 })
})

test('if the commit fails, no upload is acknowledged', async () => {
  const { blobs, failToStore } = storeThatTells()
  await blobs.ready()
  await blobs.upload(accountOf(0), bytes('before'))
  failToStore(true)
  const outcomes = await Promise.allSettled(many.map((n) => blobs.upload(accountOf(n), bytes(`blob ${n}`))))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toEqual([])
  failToStore(false)
  expect(await blobs.stats()).toMatchObject({ count: 1, bytes: bytes('before').length, reserved: 0 })
})
