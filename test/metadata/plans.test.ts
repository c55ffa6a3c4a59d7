import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, type LogEvent, SqliteDialect, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { createBlobStore, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, nextRev, uriOf } from '../support/samples.ts'

// How SQLite finds rows for every query of a serving store: by an index, not by scanning a table, or all that an
// account has. Fails without `cid` and `scope` in the index blobstore_ref_record.

function openStore() {
  const database = new Database(join(temporaryFolder(), 'pds.sqlite'))
  database.pragma('journal_mode = WAL')
  database.pragma('foreign_keys = ON')
  const said = new Set<string>()
  const db = new Kysely<never>({
    dialect: new SqliteDialect({ database }),
    log: ({ query }: LogEvent) => void said.add(query.sql),
  })
  const metadata = kyselyMetadata(db, { durability: 'relaxed' })
  const blobs = createBlobStore({ backend: new MemoryBackend(), metadata, limits: { accept: ['*/*'] } })
  onTestFinished(async () => {
    await blobs.close()
    await db.destroy()
  })
  return { blobs, database, db, said }
}

test('no query that serves requests scans a table, or all references of an account', async () => {
  const { blobs, database, said } = openStore()
  await blobs.ready()
  said.clear()

  const [one, two] = [await blobs.upload(alice, bytes('one')), await blobs.upload(bob, bytes('two'))]
  await blobs.upload(bob, bytes('one'))
  await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, '1'), record: { one } }], { rev: nextRev() })
  await blobs.applyWrites(bob, [{ action: 'create', uri: uriOf(bob, '1'), record: { one, two } }], { rev: nextRev() })
  await blobs.applyWrites(bob, [{ action: 'update', uri: uriOf(bob, '1'), record: { two } }], { rev: nextRev() })
  await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, '2'), record: { two } }], {
    rev: nextRev(),
    missing: 'expect',
  })
  await blobs.upload(alice, bytes('two'))
  await blobs.applyWrites(alice, [{ action: 'delete', uri: uriOf(alice, '1') }], { rev: nextRev() })
  await (await blobs.read(bob, two.ref)).bytes()
  await blobs.stat(bob, one.ref, { as: 'account' })
  await blobs.recordsFor(bob, two.ref)
  await blobs.usage(bob)
  for (const cursor of [undefined, (await blobs.listPublic(bob, { limit: 1 })).cursor])
    await blobs.listPublic(bob, { cursor })
  await blobs.listMissing(alice)
  await blobs.takedown(bob, two.ref)
  await blobs.reverseTakedown(bob, two.ref)
  await blobs.purge(bob, two.ref)
  await blobs.purge('*', one.ref)
  for (const cursor of [undefined, (await blobs.listPurges({ limit: 1 })).cursor]) await blobs.listPurges({ cursor })

  const walks: string[] = []
  for (const query of said) {
    // A page ends where it is full.
    if (!/^(select|insert|update|delete)/i.test(query) || /order by .* limit/.test(query)) continue
    const parameters = Array.from(query.matchAll(/\?/g), () => null)
    const plan = database.prepare(`explain query plan ${query}`).all(...parameters) as { detail: string }[]
    for (const { detail } of plan) {
      const isWalk =
        /^SCAN (?!CONSTANT|.*VALUES|blobstore_meta)/.test(detail) ||
        /blobstore_(ref|expected|blob) .*\(did=\?\)$/.test(detail)
      if (isWalk) walks.push(`${detail}\n  ${query}`)
    }
  }
  expect(said.size).toBeGreaterThan(20)
  expect(walks).toEqual([])
})

// Fails without the index blobstore_ref_rev, or if the query for few references may begin elsewhere.
test('changes since a revision are found by an index on the revision, in pages', async () => {
  const { blobs, database, db, said } = openStore()
  const [old, fresh] = [await blobs.upload(alice, bytes('old')), await blobs.upload(alice, bytes('fresh'))]
  const revs = [nextRev(), nextRev(), nextRev()] as const
  await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, '1'), record: { old } }], { rev: revs[0] })
  await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, '2'), record: { fresh } }], { rev: revs[1] })
  said.clear()
  expect(await blobs.listPublic(alice, { since: revs[0] })).toEqual({ items: [String(fresh.ref)] })
  const plans = [...said]
    .filter((query) => /^select .*"rev"/.test(query))
    .map((query) => {
      const plan = database.prepare(`explain query plan ${query}`).all(...Array.from(query.matchAll(/\?/g), () => null))
      return (plan as { detail: string }[]).map(({ detail }) => detail)
    })
  expect(plans).toHaveLength(2)
  for (const plan of plans) expect(plan.join()).toMatch(/blobstore_ref_rev \(did=\? AND rev>\?\)/)

  await sql`insert into blobstore_ref (did, cid, record_uri, rev, scope)
    with recursive s (n) as (select 1 union all select n + 1 from s where n < 10001)
    select ${alice}, ${String(fresh.ref)}, 'at://' || n, ${revs[2]}, 'public' from s`.execute(db)
  expect(await blobs.listPublic(alice, { since: revs[1] })).toEqual({ items: [String(fresh.ref)] })
  expect(await blobs.listPublic(alice, { since: revs[2] })).toEqual({ items: [] })
})
