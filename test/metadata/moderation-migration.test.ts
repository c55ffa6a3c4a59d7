import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { cidOfBytes, migrationSql } from '../../src/index.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bytes, post } from '../support/samples.ts'

// Until version 008 of the tables a takedown did not say who requested it.

// Fails when 008 needs a takedown to say so, or leaves out the index.
test.each(hostDatabases)(
  'a store of version 007 keeps its takedowns, and lists them: $name',
  async ({ name, make }) => {
    const { store, db } = make()
    if (db === undefined) throw new Error('no host')
    const [old, fresh] = [cidOfBytes(bytes('old')), cidOfBytes(bytes('fresh'))]
    const older = store()
    await post(older, alice, 'a', await older.upload(alice, bytes('old')))
    await older.takedown(alice, old, { ref: 'case 1' })
    await older.close()
    await sql`drop index blobstore_takedown_newest`.execute(db)
    await sql`alter table blobstore_takedown drop column requested_by`.execute(db)
    await sql`delete from blobstore_migration where name = '008'`.execute(db)

    expect(await migrationSql(name, { after: '007' })).toContain('blobstore_takedown_newest')
    const blobs = store()
    await blobs.takedown('*', fresh, { ref: 'case 2', by: 'trust' })
    const { items } = await blobs.listTakedowns()
    expect(items.toSorted((one, other) => (one.did > other.did ? -1 : 1))).toMatchObject([
      { did: alice, cid: old, ref: 'case 1', by: null, purged: false },
      { did: '*', cid: fresh, ref: 'case 2', by: 'trust', purged: false },
    ])
    await sql`drop index blobstore_takedown_newest`.execute(db) // it was there
  },
)
