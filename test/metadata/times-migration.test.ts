import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { migrationSql } from '../../src/index.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bytes, day, post } from '../support/samples.ts'

// Until version 003 of the tables the store did not store its deletion times.

// Fails when 003 omits a column, or needs empty tables.
test.each(hostDatabases)(
  'a store of version 002 keeps what it has, and gets its times: $name',
  async ({ name, make }) => {
    const { store, db } = make()
    if (db === undefined) throw new Error('no host')
    const older = store()
    const ref = await older.upload(alice, bytes('kept'))
    await post(older, alice, 'a', ref)
    await older.close()
    await sql`drop index blobstore_ref_rev`.execute(db)
    await sql`create index blobstore_expected_cid on blobstore_expected (cid)`.execute(db)
    await sql`alter table blobstore_meta drop column times`.execute(db)
    await sql`alter table blobstore_meta drop column backed_up_at`.execute(db)
    await sql`alter table blobstore_process drop column times`.execute(db)
    // A process of that version was killed.
    await sql`insert into blobstore_process (id, backends, writes_to, seen_until)
    values ('killed', '["disk"]', 'disk', 9007199254740991)`.execute(db)
    await sql`delete from blobstore_migration where name = '003'`.execute(db)

    expect(await migrationSql(name, { after: '002' })).toContain('blobstore_ref_rev')
    const host = store({ times: { deleteDelay: 7 * day } })
    await host.markBackup()
    expect(await host.listPublic(alice)).toEqual({ items: [String(ref.ref)] })
    await host.close()
    const tool = store()
    await tool.ready()
    expect(tool.times.deleteDelay).toBe(7 * day)
  },
)
