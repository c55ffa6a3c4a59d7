import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { MemoryBackend, migrationSql } from '../../src/index.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bytes, post } from '../support/samples.ts'

// Until version 009 of the tables no store had a mirror.

// Fails when 009 forgets content that was stored before, or counts it as copied.
test.each(hostDatabases)(
  'a store of version 008 gets a mirror, and copies what it had: $name',
  async ({ name, make }) => {
    const { store, db } = make()
    if (db === undefined) throw new Error('no host')
    const older = store()
    await post(older, alice, 'a', await older.upload(alice, bytes('old')))
    await older.close()
    await sql`drop table blobstore_mirrored`.execute(db)
    await sql`drop index blobstore_content_unmirrored`.execute(db)
    await sql`alter table blobstore_content drop column unmirrored_since`.execute(db)
    await sql`alter table blobstore_meta drop column mirror`.execute(db)
    await sql`delete from blobstore_migration where name = '009'`.execute(db)

    expect(await migrationSql(name, { after: '008' })).toContain('blobstore_mirrored')
    const blobs = store({ mirror: { backend: new MemoryBackend() } })
    expect(await blobs.mirror({ dryRun: true })).toMatchObject({ waiting: 1, waitingBytes: 3 })
    expect(await blobs.mirror()).toMatchObject({ copied: 1, bytes: 3, findings: [] })
  },
)
