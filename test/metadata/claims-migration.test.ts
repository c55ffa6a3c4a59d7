import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { migrationSql } from '../../src/index.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bob, bytes, nextRev, post, uriOf } from '../support/samples.ts'

// Until version 002 of the tables a record waited for ever for a blob that its account had under another type or size.

test.each(hostDatabases)(
  'records that waited for another type or size reference the blob that is held: $name',
  async ({ name, make }) => {
    const { store, db } = make()
    if (db === undefined) throw new Error('no host')
    const older = store()
    const [held, others] = [await older.upload(alice, bytes('held')), await older.upload(bob, bytes('missing'))]
    const waits = { $type: 'blob', ref: { $link: others.ref.toString() }, mimeType: 'text/plain', size: 7 }
    const writes = [{ action: 'create', uri: uriOf(alice, 'waits'), record: { waits } } as const]
    await older.applyWrites(alice, writes, { rev: nextRev(), missing: 'expect' })
    await older.close()

    for (const column of ['claimed_type', 'claimed_size']) {
      await sql`alter table blobstore_ref drop column ${sql.id(column)}`.execute(db)
    }
    await sql`alter table blobstore_account drop column temporary`.execute(db)
    await sql`delete from blobstore_migration where name in ('002', '004')`.execute(db)
    const cid = held.ref.toString()
    await sql`insert into blobstore_expected (did, cid, record_uri, rev, scope, mime_type, size)
    values (${alice}, ${cid}, ${uriOf(alice, 'a')}, ${nextRev()}, 'public', 'image/png', 99)`.execute(db)

    expect(await migrationSql(name, { after: '001' })).toContain('claimed_type')
    expect(await migrationSql(name, { after: '001' })).not.toContain('create table "blobstore_content"')
    const blobs = store()
    expect(await blobs.stat(alice, cid)).toMatchObject({ referenced: true, mimeType: 'application/octet-stream' })
    expect((await blobs.listMissing(alice)).items).toEqual([
      { cid: others.ref.toString(), recordUri: uriOf(alice, 'waits') },
    ])
    expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 1 })
    await post(blobs, alice, 'a', { $type: 'blob', ref: { $link: cid }, mimeType: 'image/png', size: 99 })
    const { rows } = await sql`select expires_at from blobstore_blob where cid = ${cid}`.execute(db)
    expect(rows).toEqual([{ expires_at: null }])
  },
)

test('the SQL of an unknown version is refused', async () => {
  await expect(migrationSql('sqlite', { after: '2' })).rejects.toMatchObject({ code: 'InvalidArgument' })
})
