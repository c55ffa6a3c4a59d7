import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/** Takedowns store whether a purge made them, which forbids storing the bytes again; and each purge gets a record. */
export async function purgeMigration({ schema }: Kysely<Tables>, dialect: Dialect['name']): Promise<void> {
  const end = dialect === 'sqlite' ? sql`without rowid` : sql``
  const text = dialect === 'sqlite' ? 'text' : sql`text collate "C"`
  await schema
    .alterTable('blobstore_takedown')
    .addColumn('purged', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await schema
    .createTable('blobstore_purge')
    .addColumn('id', text, (c) => c.primaryKey().notNull())
    .addColumn('did', text, (c) => c.notNull())
    .addColumn('cid', text, (c) => c.notNull())
    .addColumn('purged_at', 'bigint', (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('requested_by', text)
    .addColumn('unfinished', 'integer', (c) => c.notNull())
    .addColumn('key_count', 'bigint', (c) => c.notNull())
    .addColumn('gone_at', 'bigint')
    .addColumn('shared', 'integer', (c) => c.notNull())
    .addColumn('backed_up_at', 'bigint')
    .modifyEnd(end)
    .execute()
  await schema.createIndex('blobstore_purge_newest').on('blobstore_purge').columns(['purged_at', 'id']).execute()
  await schema
    .createIndex('blobstore_purge_unfinished')
    .on('blobstore_purge')
    .columns(['unfinished', 'cid', 'did'])
    .execute()
}
