import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/**
 * Every query about a blob no longer reads all records that reference it. Accounts store how many of their blobs are
 * temporary.
 */
export async function reachMigration(db: Kysely<Tables>, dialect: Dialect['name']): Promise<void> {
  await (dialect === 'sqlite' ? rebuildReferences(db) : changeKey(db))
  // In SQLite the index ends with the rest of the primary key anyway.
  await db.schema.dropIndex('blobstore_blob_expiry').execute()
  await db.schema
    .createIndex('blobstore_blob_expiry')
    .on('blobstore_blob')
    .columns(['expires_at', 'did', 'cid'])
    .where('expires_at', 'is not', null)
    .execute()

  await sql`update blobstore_blob set expires_at = null where expires_at is not null and exists
    (select 1 from blobstore_ref as ref where ref.did = blobstore_blob.did and ref.cid = blobstore_blob.cid)`.execute(
    db,
  )
  await db.schema
    .alterTable('blobstore_account')
    .addColumn('temporary', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  await sql`update blobstore_account set ${sql.ref('temporary')} = (select count(*) from blobstore_blob as blob
    where blob.did = blobstore_account.did and blob.expires_at is not null)`.execute(db)
}

const key = ['did', 'cid', 'scope', 'rev', 'record_uri'] as const

async function changeKey({ schema }: Kysely<Tables>): Promise<void> {
  await schema.alterTable('blobstore_ref').dropConstraint('blobstore_ref_pk').execute()
  await schema
    .alterTable('blobstore_ref')
    .addPrimaryKeyConstraint('blobstore_ref_pk', [...key])
    .execute()
}

/** SQLite cannot change a primary key. */
async function rebuildReferences(db: Kysely<Tables>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('blobstore_ref_next')
    .addColumn('did', 'text', (c) => c.notNull())
    .addColumn('cid', 'text', (c) => c.notNull())
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('rev', 'text', (c) => c.notNull())
    .addColumn('record_uri', 'text', (c) => c.notNull())
    .addColumn('claimed_type', 'text')
    .addColumn('claimed_size', 'bigint')
    .addPrimaryKeyConstraint('blobstore_ref_pk', [...key])
    .addForeignKeyConstraint('blobstore_ref_fk', ['did', 'cid'], 'blobstore_blob', ['did', 'cid'], (fk) =>
      fk.onDelete('restrict'),
    )
    .modifyEnd(sql`without rowid`)
    .execute()
  await sql`insert into blobstore_ref_next (did, cid, scope, rev, record_uri, claimed_type, claimed_size)
    select did, cid, scope, rev, record_uri, claimed_type, claimed_size from blobstore_ref
    order by did, cid, scope, rev, record_uri`.execute(db)
  await schema.dropTable('blobstore_ref').execute()
  await schema.alterTable('blobstore_ref_next').renameTo('blobstore_ref').execute()
  await schema
    .createIndex('blobstore_ref_record')
    .on('blobstore_ref')
    .columns(['did', 'record_uri', 'cid', 'scope'])
    .execute()
  await schema.createIndex('blobstore_ref_rev').on('blobstore_ref').columns(['did', 'rev', 'cid', 'scope']).execute()
}
