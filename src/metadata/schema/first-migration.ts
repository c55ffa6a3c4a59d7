import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/** Creates the first version of the tables in tables.ts. */
export async function firstMigration({ schema }: Kysely<Tables>, dialect: Dialect['name']): Promise<void> {
  // Rows are small and looked up by primary key: without rowid SQLite needs one tree instead of two.
  const end = dialect === 'sqlite' ? sql`without rowid` : sql``
  // Byte order, whatever the database's language: cursors and pages rely on it. SQLite has it by default.
  const text = dialect === 'sqlite' ? 'text' : sql`text collate "C"`

  await schema
    .createTable('blobstore_migration')
    .addColumn('name', text, (c) => c.primaryKey().notNull())
    .addColumn('timestamp', text, (c) => c.notNull())
    .modifyEnd(end)
    .execute()

  await schema
    .createTable('blobstore_account')
    .addColumn('did', text, (c) => c.primaryKey().notNull())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('count', 'bigint', (c) => c.notNull())
    .addColumn('reserved', 'bigint', (c) => c.notNull())
    .addColumn('uploads', 'bigint', (c) => c.notNull())
    .addColumn('pending', 'bigint', (c) => c.notNull())
    .addColumn('deleted_at', 'bigint')
    .addColumn('deleting', 'integer', (c) => c.notNull())
    .modifyEnd(end)
    .execute()
  await schema
    .createIndex('blobstore_account_deleting')
    .on('blobstore_account')
    .column('deleting')
    .where('deleting', '=', 1)
    .execute()

  // No index: the table has only as many rows as there are concurrent uploads, and each comes and goes.
  await schema
    .createTable('blobstore_upload')
    .addColumn('key', text, (c) => c.primaryKey().notNull())
    .addColumn('backend', text, (c) => c.notNull())
    .addColumn('did', text)
    .addColumn('cid', text)
    .addColumn('reserved', 'bigint', (c) => c.notNull())
    .addColumn('lease_until', 'bigint', (c) => c.notNull())
    .modifyEnd(end)
    .execute()

  await schema
    .createTable('blobstore_content')
    .addColumn('cid', text, (c) => c.primaryKey().notNull())
    .addColumn('key', text, (c) => c.notNull())
    .addColumn('backend', text, (c) => c.notNull())
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('verified_at', 'bigint')
    .modifyEnd(end)
    .execute()

  await schema
    .createTable('blobstore_blob')
    .addColumn('did', text, (c) => c.notNull())
    .addColumn('cid', text, (c) => c.notNull().references('blobstore_content.cid').onDelete('restrict'))
    .addColumn('mime_type', text, (c) => c.notNull())
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('was_referenced', 'integer', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    // In this order the key also serves as the index for finding who has the bytes, so an upload updates one tree less.
    .addPrimaryKeyConstraint('blobstore_blob_pk', ['cid', 'did'])
    .modifyEnd(end)
    .execute()
  await index('blobstore_blob', 'newest', ['did', 'created_at', 'cid'])
  await schema
    .createIndex('blobstore_blob_temporary')
    .on('blobstore_blob')
    .columns(['did', 'expires_at'])
    .where('expires_at', 'is not', null)
    .execute()
  // Partial, so that the cost of collecting depends on what is due, not on what is stored.
  await schema
    .createIndex('blobstore_blob_expiry')
    .on('blobstore_blob')
    .columns(['expires_at', 'did'])
    .where('expires_at', 'is not', null)
    .execute()

  await schema
    .createTable('blobstore_ref')
    .addColumn('did', text, (c) => c.notNull())
    .addColumn('cid', text, (c) => c.notNull())
    .addColumn('record_uri', text, (c) => c.notNull())
    .addColumn('rev', text, (c) => c.notNull())
    .addColumn('scope', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('blobstore_ref_pk', ['did', 'cid', 'record_uri'])
    .addForeignKeyConstraint('blobstore_ref_fk', ['did', 'cid'], 'blobstore_blob', ['did', 'cid'], (fk) =>
      fk.onDelete('restrict'),
    )
    .modifyEnd(end)
    .execute()
  // Contains all columns that are read through it. Otherwise SQLite would prefer to scan the account's rows, of which
  // it expects ten.
  await index('blobstore_ref', 'record', ['did', 'record_uri', 'cid', 'scope'])

  await schema
    .createTable('blobstore_expected')
    .addColumn('did', text, (c) => c.notNull())
    .addColumn('cid', text, (c) => c.notNull())
    .addColumn('record_uri', text, (c) => c.notNull())
    .addColumn('rev', text, (c) => c.notNull())
    .addColumn('scope', text, (c) => c.notNull())
    .addColumn('mime_type', text, (c) => c.notNull())
    .addColumn('size', 'bigint')
    .addPrimaryKeyConstraint('blobstore_expected_pk', ['did', 'cid', 'record_uri'])
    .modifyEnd(end)
    .execute()
  await index('blobstore_expected', 'record', ['did', 'record_uri', 'cid', 'scope'])
  await index('blobstore_expected', 'cid', ['cid'])

  await schema
    .createTable('blobstore_doomed')
    .addColumn('key', text, (c) => c.primaryKey().notNull())
    .addColumn('backend', text)
    .addColumn('did', text)
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('not_before', 'bigint', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('last_error', text)
    .modifyEnd(end)
    .execute()
  await index('blobstore_doomed', 'due', ['not_before'])
  await index('blobstore_doomed', 'account', ['did'])

  await schema
    .createTable('blobstore_takedown')
    .addColumn('cid', text, (c) => c.notNull())
    .addColumn('did', text, (c) => c.notNull())
    .addColumn('ref', text)
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('blobstore_takedown_pk', ['cid', 'did'])
    .modifyEnd(end)
    .execute()

  await schema
    .createTable('blobstore_meta')
    .addColumn('one', 'integer', (c) => c.primaryKey().notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addColumn('restored', 'integer', (c) => c.notNull())
    .execute()

  await schema
    .createTable('blobstore_candidate')
    .addColumn('sweep', text, (c) => c.notNull())
    .addColumn('key', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('blobstore_candidate_pk', ['sweep', 'key'])
    .modifyEnd(end)
    .execute()

  await schema
    .createTable('blobstore_backend')
    .addColumn('name', text, (c) => c.primaryKey().notNull())
    .modifyEnd(end)
    .execute()
  await schema
    .createTable('blobstore_process')
    .addColumn('id', text, (c) => c.primaryKey().notNull())
    .addColumn('backends', text, (c) => c.notNull())
    .addColumn('writes_to', text, (c) => c.notNull())
    .addColumn('seen_until', 'bigint', (c) => c.notNull())
    .modifyEnd(end)
    .execute()

  function index(table: string, name: string, columns: string[]): Promise<void> {
    return schema.createIndex(`${table}_${name}`).on(table).columns(columns).execute()
  }
}
