import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/** Uploads that outlive their connection, and the parts of them that have arrived. */
export async function resumableMigration({ schema }: Kysely<Tables>, dialect: Dialect['name']): Promise<void> {
  const end = dialect === 'sqlite' ? sql`without rowid` : sql``
  const text = dialect === 'sqlite' ? 'text' : sql`text collate "C"`
  await schema
    .createTable('blobstore_resumable')
    .addColumn('id', text, (c) => c.primaryKey().notNull())
    .addColumn('did', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('size', 'bigint')
    .addColumn('part_size', 'bigint')
    .addColumn('received', 'bigint', (c) => c.notNull())
    .addColumn('reservation', text)
    .addColumn('mime_type', text)
    .addColumn('cid', text)
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('busy_until', 'bigint')
    .addColumn('claimed_by', text)
    .addColumn('note', text)
    .modifyEnd(end)
    .execute()
  await schema.createIndex('blobstore_resumable_account').on('blobstore_resumable').columns(['did', 'state']).execute()
  await schema.createIndex('blobstore_resumable_expiry').on('blobstore_resumable').column('expires_at').execute()
  await schema
    .createTable('blobstore_part')
    .addColumn('upload', text, (c) => c.notNull().references('blobstore_resumable.id').onDelete('restrict'))
    .addColumn('start', 'bigint', (c) => c.notNull())
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('key', text, (c) => c.notNull())
    .addColumn('backend', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('blobstore_part_pk', ['upload', 'start'])
    .modifyEnd(end)
    .execute()
}
