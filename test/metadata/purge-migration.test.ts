import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { cidOfBytes, migrationSql } from '../../src/index.ts'
import { undoEntries } from '../support/entries.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bob, bytes, post } from '../support/samples.ts'

// Until version 005 of the tables nothing could be purged.

// Fails when 005 needs a takedown to say what it is, or tables that are empty.
test.each(hostDatabases)('a store of version 004 keeps its takedowns, and can purge: $name', async ({ name, make }) => {
  const { store, db } = make()
  if (db === undefined) throw new Error('no host')
  const [hidden, illegal] = [bytes('hidden'), bytes('illegal')]
  const older = store()
  for (const content of [hidden, illegal])
    await post(older, alice, cidOfBytes(content), await older.upload(alice, content))
  await older.takedown(alice, cidOfBytes(hidden), { ref: 'case 1' })
  await older.close()
  await undoEntries(db)
  await sql`drop table blobstore_purge`.execute(db)
  await sql`alter table blobstore_takedown drop column purged`.execute(db)
  await sql`delete from blobstore_migration where name = '005'`.execute(db)

  expect(await migrationSql(name, { after: '004' })).toContain('blobstore_purge')
  const blobs = store()
  expect(await blobs.stat(alice, cidOfBytes(hidden), { as: 'moderator' })).toMatchObject({ takenDown: true })
  // What was only taken down is stored, hidden, as before.
  await blobs.upload(alice, hidden, { takenDown: 'store' })
  expect(await blobs.purge('*', cidOfBytes(illegal))).toMatchObject({ goneAt: expect.any(Date), keys: 1 })
  await expect(blobs.upload(bob, illegal, { takenDown: 'store' })).rejects.toMatchObject({ code: 'BlobTakenDown' })
  await blobs.reverseTakedown(alice, cidOfBytes(hidden))
  expect(await blobs.listPublic(alice)).toEqual({ items: [cidOfBytes(hidden)] })
})
