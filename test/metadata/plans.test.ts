import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, type LogEvent, SqliteDialect, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { cidOfBytes, createBlobStore, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, friends, nextRev, postIn, uriIn, uriOf } from '../support/samples.ts'

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
  await postIn(friends, blobs, bob, '1', two)
  await postIn(friends, blobs, alice, '1', two)
  const waits = { $type: 'blob', ref: { $link: cidOfBytes(bytes('never')) }, mimeType: 'text/plain', size: 5 }
  await blobs.applyWrites(alice, [{ action: 'create', uri: uriIn(friends, alice, '2'), record: { waits } }], {
    rev: nextRev(),
    missing: 'expect',
  })
  await (await blobs.read(bob, two.ref, { space: friends })).bytes()
  await blobs.stat(bob, two.ref, { space: friends })
  for (const since of [undefined, '2222222222222']) await blobs.listSpace(bob, friends, { since })
  for (const space of [undefined, null, friends]) {
    await blobs.listMissing(alice, { space })
    await blobs.importProgress(alice, { space })
  }
  await blobs.dropSpace(alice, friends)
  await blobs.takedown(bob, two.ref)
  await blobs.reverseTakedown(bob, two.ref)
  await blobs.purge(bob, two.ref)
  await blobs.purge('*', one.ref)
  for (const cursor of [undefined, (await blobs.listPurges({ limit: 1 })).cursor]) await blobs.listPurges({ cursor })
  await blobs.takedown('*', two.ref, { ref: 'case 1' })
  await blobs.takedown(bob, two.ref)
  for (const cursor of [undefined, (await blobs.listTakedowns({ limit: 1 })).cursor])
    await blobs.listTakedowns({ cursor })
  const { cursor: more } = await blobs.listTakedowns({ cid: two.ref, limit: 1 })
  for (const cursor of [undefined, more]) await blobs.listTakedowns({ cid: two.ref, cursor })
  await blobs.stat(alice, two.ref, { as: 'moderator' })
  await blobs.listHolders(two.ref)
  await blobs.locate(two.ref)
  await blobs.recordsFor(alice, two.ref, { limit: 1 })
  await blobs.reverseTakedown('*', two.ref)
  blobs.setHooks({ inspect: async () => ({ quarantine: 'case 2' }) })
  await blobs.upload(alice, bytes('three'))
  const { ref: four } = await blobs.upload(alice, bytes('four'))
  const { cursor: waiting } = await blobs.listTakedowns({ quarantined: true, limit: 1 })
  for (const cursor of [undefined, waiting]) await blobs.listTakedowns({ quarantined: true, cursor })
  await blobs.takedown(alice, four)

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
  for (const plan of plans) expect(plan.join()).toMatch(/blobstore_ref_rev \(did=\? AND scope=\? AND rev>\?\)/)

  await sql`insert into blobstore_ref (did, cid, record_uri, rev, scope)
    with recursive s (n) as (select 1 union all select n + 1 from s where n < 10001)
    select ${alice}, ${String(fresh.ref)}, 'at://' || n, ${revs[2]}, 'public' from s`.execute(db)
  expect(await blobs.listPublic(alice, { since: revs[1] })).toEqual({ items: [String(fresh.ref)] })
  expect(await blobs.listPublic(alice, { since: revs[2] })).toEqual({ items: [] })
})

/** How SQLite finds rows of these tables for what is asked. */
function plansFor(database: Database.Database, said: Iterable<string>, tables = /blobstore_(ref|expected)/): string[] {
  return [...said].flatMap((query) => {
    if (!/^(with|select|insert|update|delete)/i.test(query.trim())) return []
    const parameters = Array.from(query.matchAll(/\?/g), () => null)
    const plan = database.prepare(`explain query plan ${query}`).all(...parameters) as { detail: string }[]
    return plan.map(({ detail }) => detail).filter((detail) => tables.test(detail))
  })
}

// Red where `expires_at` may lead: SQLite then walks through all the temporary blobs of the account, of five blobs or more.
test('blobs of one call are found by their CIDs, however many they are', async () => {
  const { blobs, database, said } = openStore()
  const refs = await Promise.all(Array.from({ length: 8 }, (_, n) => blobs.upload(alice, bytes(`${n}`))))
  said.clear()
  await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, '1'), record: { refs } }], { rev: nextRev() })
  await blobs.applyWrites(alice, [{ action: 'delete', uri: uriOf(alice, '1') }], { rev: nextRev() })
  await postIn(friends, blobs, alice, '1', ...refs)
  await blobs.dropSpace(alice, friends)
  const plans = plansFor(database, said, /blobstore_blob /)
  expect(plans.length).toBeGreaterThan(3)
  expect(plans.filter((plan) => !plan.includes('(cid=? AND did=?)'))).toEqual([])
})

// Red without the index blobstore_takedown_quarantined: then all takedowns are read to find those that wait.
test('what is quarantined is found by an index, in pages', async () => {
  const { blobs, database, said } = openStore()
  blobs.setHooks({ inspect: async () => ({ quarantine: 'case 1' }) })
  for (const content of ['one', 'two']) await blobs.upload(alice, bytes(content))
  said.clear()
  const { cursor } = await blobs.listTakedowns({ quarantined: true, limit: 1 })
  expect((await blobs.listTakedowns({ quarantined: true, cursor })).items).toHaveLength(1)
  const plans = plansFor(database, said, /./)
  expect(plans).toEqual([
    'SEARCH blobstore_takedown USING INDEX blobstore_takedown_quarantined (quarantined=?)',
    'SEARCH blobstore_takedown USING INDEX blobstore_takedown_quarantined (quarantined=? AND (created_at,cid,did)<(?,?,?))',
  ])
})

// Red without the indexes blobstore_ref_scope or blobstore_expected_scope.
test.each([
  ['a page of it', 'blobstore_ref_scope (did=? AND scope=? AND cid>?)'],
  ['a page since a revision', 'blobstore_ref_rev (did=? AND scope=? AND rev>?)'],
  ['a blob read by it', 'blobstore_ref_scope (did=? AND scope=? AND cid=?)'],
  ['its import', 'blobstore_expected_scope (did=? AND scope=? AND cid>?)'],
  ['what is missing', 'blobstore_expected_scope (did=? AND scope=?)'],
  ['its dropping', 'blobstore_ref_scope (did=? AND scope=?)'],
] as const)('%s is found among the references of that space alone', async (what, index) => {
  const { blobs, database, said } = openStore()
  const { ref } = await blobs.upload(alice, bytes('one'))
  await postIn(friends, blobs, alice, '1', { $type: 'blob', ref, mimeType: 'application/octet-stream', size: 3 })
  said.clear()
  const asked = {
    'a page of it': () => blobs.listSpace(alice, friends),
    'a page since a revision': () => blobs.listSpace(alice, friends, { since: '2222222222222' }),
    'a blob read by it': () => blobs.read(alice, ref, { space: friends }),
    'its import': () => blobs.importProgress(alice, { space: friends }),
    'what is missing': () => blobs.listMissing(alice, { space: friends }),
    'its dropping': () => blobs.dropSpace(alice, friends),
  }
  await asked[what]()
  const plans = plansFor(database, said)
  expect(
    plans.some((plan) => plan.endsWith(index)),
    plans.join('\n'),
  ).toBe(true)
  // By the account alone, or by a range that holds other spaces, too.
  expect(plans.filter((plan) => /\(did=\?( AND cid>\?)?\)$/.test(plan))).toEqual([])
})
