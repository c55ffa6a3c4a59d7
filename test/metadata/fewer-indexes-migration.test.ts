import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { migrationSql } from '../../src/index.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bytes, day, post } from '../support/samples.ts'

// Until version 011 of the tables an index found the temporary blobs of an account.

test.each(hostDatabases)('a store of version 010 loses an index, and nothing else: $name', async ({ name, make }) => {
  const { store, db, clock } = make()
  if (db === undefined) throw new Error('no host')
  const older = store()
  const kept = await older.upload(alice, bytes('kept'))
  await post(older, alice, 'a', kept)
  await older.upload(alice, bytes('temporary'))
  await older.close()
  const index = sql`create index blobstore_blob_temporary on blobstore_blob (did, expires_at) where expires_at is not null`
  await index.execute(db)
  await sql`delete from blobstore_migration where name = '011'`.execute(db)

  expect(await migrationSql(name, { after: '010' })).toContain('drop index if exists "blobstore_blob_temporary"')
  const blobs = store()
  await blobs.ready()
  await index.execute(db) // it was gone
  expect(await blobs.usage(alice)).toMatchObject({ count: 2 })
  clock.advance(2 * day)
  await blobs.collect()
  expect(await blobs.usage(alice)).toMatchObject({ count: 1, bytes: kept.size })
})
