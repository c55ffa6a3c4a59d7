import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/** Takedowns store who requested them, and are listed by their time. */
export async function moderationMigration({ schema }: Kysely<Tables>, dialect: Dialect['name']): Promise<void> {
  const text = dialect === 'sqlite' ? 'text' : sql`text collate "C"`
  await schema.alterTable('blobstore_takedown').addColumn('requested_by', text).execute()
  await schema
    .createIndex('blobstore_takedown_newest')
    .on('blobstore_takedown')
    .columns(['created_at', 'cid', 'did'])
    .execute()
}
