import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { migrationSql } from '../../src/index.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bytes, day, nextRev, post, unpost, uriOf } from '../support/samples.ts'

// Until version 004 of the tables a reference was found by its record, and a blob that lost one of several had an
// expiry.

/** What brings an empty database to a version. */
async function statementsUntil(name: 'sqlite' | 'postgres', version: string): Promise<string[]> {
  const statements = (await migrationSql(name)).split(/;\n/).slice(1) // without `begin`
  const last = statements.findIndex((text) => text.includes(`values ('${version}'`))
  expect(last).toBeGreaterThan(0)
  return statements.slice(0, last + 1)
}

test.each(hostDatabases)(
  'a store of version 003 keeps its references, and knows which blobs are temporary: $name',
  async ({ name, make }) => {
    const { store, db, clock } = make()
    if (db === undefined) throw new Error('no host')
    const ours = store()
    const [named, temporary] = [await ours.upload(alice, bytes('named')), await ours.upload(alice, bytes('temporary'))]
    await post(ours, alice, 'a', named)
    await post(ours, alice, 'b', named)
    await ours.close()
    const rowsOf = async (table: string) => (await sql<object>`select * from ${sql.table(table)}`.execute(db)).rows
    const kept = [
      'blobstore_meta',
      'blobstore_content',
      'blobstore_blob',
      'blobstore_account',
      'blobstore_ref',
      'blobstore_backend',
    ]
    const rows = new Map<string, object[]>()
    for (const table of kept) rows.set(table, await rowsOf(table))
    const tables = [
      'part',
      'resumable',
      'ref',
      'blob',
      'content',
      'expected',
      'upload',
      'doomed',
      'takedown',
      'account',
      'meta',
      'orphan',
      'backend',
      'process',
      'purge_record',
      'mirrored',
    ]
    for (const table of [...tables, 'migration']) await sql`drop table ${sql.table(`blobstore_${table}`)}`.execute(db)
    for (const statement of await statementsUntil(name, '003')) await sql.raw(statement).execute(db)
    for (const [table, all] of rows) {
      type Later = { temporary?: number; mirror?: null; unmirrored_since?: null }
      for (const { temporary: _temporary, mirror: _mirror, unmirrored_since: _since, ...row } of all as Later[]) {
        const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)))
        await sql`insert into ${sql.table(table)} (${columns}) values (${sql.join(Object.values(row))})`.execute(db)
      }
    }
    // As when it had lost a third record.
    await sql`update blobstore_blob set expires_at = 1 where cid = ${named.ref.toString()}`.execute(db)

    const blobs = store({ limits: { accept: ['*/*'], quota: { temporaryBlobs: 2 } } })
    expect((await blobs.recordsFor(alice, named.ref)).sort()).toEqual([uriOf(alice, 'a'), uriOf(alice, 'b')])
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    expect(await blobs.listAll(alice)).toMatchObject({ items: [{}, {}] })
    await blobs.upload(alice, bytes('the second temporary one'))
    await expect(blobs.upload(alice, bytes('one too many'))).rejects.toMatchObject({ code: 'QuotaExceeded' })
    await unpost(blobs, alice, 'a')
    clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 2 })
    expect(await blobs.stat(alice, temporary.ref)).toBeNull()
    expect(await blobs.listPublic(alice)).toEqual({ items: [named.ref.toString()] })
    const imported = { $type: 'blob', ref: { $link: named.ref.toString() }, mimeType: 'image/png', size: 1 }
    const write = { action: 'create', uri: uriOf(alice, 'c'), record: { imported } } as const
    await blobs.applyWrites(alice, [write], { rev: nextRev(), missing: 'expect' })
    expect(await blobs.recordsFor(alice, named.ref)).toHaveLength(2)
  },
)
