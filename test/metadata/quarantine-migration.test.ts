import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { cidOfBytes, migrationSql } from '../../src/index.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bytes, post } from '../support/samples.ts'

// Until version 010 of the tables every takedown was a moderator's decision.

// Fails when 010 makes a decision wait for another one, or leaves out the index.
test.each(hostDatabases)(
  'a store of version 009 keeps its takedowns as decisions, and quarantines: $name',
  async ({ name, make }) => {
    const { store, db } = make()
    if (db === undefined) throw new Error('no host')
    const [old, fresh] = [cidOfBytes(bytes('old')), cidOfBytes(bytes('fresh'))]
    const older = store()
    await post(older, alice, 'a', await older.upload(alice, bytes('old')))
    await older.takedown(alice, old, { ref: 'case 1' })
    await older.close()
    await sql`drop index blobstore_takedown_quarantined`.execute(db)
    await sql`alter table blobstore_takedown drop column quarantined`.execute(db)
    await sql`delete from blobstore_migration where name = '010'`.execute(db)

    expect(await migrationSql(name, { after: '009' })).toContain('blobstore_takedown_quarantined')
    const blobs = store({ hooks: { inspect: async () => ({ quarantine: 'new' }) } })
    await blobs.upload(alice, bytes('fresh'))
    expect((await blobs.listTakedowns({ quarantined: false })).items).toMatchObject([{ cid: old, ref: 'case 1' }])
    expect((await blobs.listTakedowns({ quarantined: true })).items).toMatchObject([{ cid: fresh, ref: 'new' }])
    await expect(blobs.upload(alice, bytes('old'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await sql`drop index blobstore_takedown_quarantined`.execute(db) // it was there
  },
)
