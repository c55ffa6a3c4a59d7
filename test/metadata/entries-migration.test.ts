import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { cidOfBytes } from '../../src/index.ts'
import { undoEntries } from '../support/entries.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bob, bytes, day, post, text } from '../support/samples.ts'

test.each(hostDatabases)(
  'a store of version 011 keeps its blobs and purges, beside a process of that version: $name',
  async ({ make }) => {
    const { store, db, clock } = make()
    if (db === undefined) throw new Error('no host')
    const [old, illegal, small] = [bytes('old'), bytes('illegal'), bytes('small')]
    const older = store({ hooks: { inspect: async () => undefined } }) // with rows, as that version has
    await post(older, alice, 'a', await older.upload(alice, old))
    await older.purge('*', cidOfBytes(illegal), { reason: 'case 1' })
    await older.close()
    await undoEntries(db)
    const seen = clock.now() + 60_000
    await sql`insert into blobstore_process (id, backends, writes_to, seen_until)
      select 'of 011', ${JSON.stringify(['disk'])}, 'disk', ${seen}`.execute(db)

    const blobs = store()
    expect((await blobs.listPurges()).items).toMatchObject([{ reason: 'case 1' }])
    await post(blobs, bob, 'b', await blobs.upload(bob, small))
    await expect(blobs.upload(bob, illegal)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    for (let round = 0; round < 2; round++) {
      expect(await blobs.sweep({ force: true })).toMatchObject({ keys: 2, orphans: 0 })
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect(await text((await blobs.read(alice, cidOfBytes(old))).body)).toBe('old')
    expect(await text((await blobs.read(bob, cidOfBytes(small))).body)).toBe('small')
    // What a sweep and a purge of that version would ask for is not there.
    for (const table of ['blobstore_candidate', 'blobstore_purge']) {
      await expect(sql`select * from ${sql.table(table)}`.execute(db)).rejects.toThrow()
    }
  },
)
