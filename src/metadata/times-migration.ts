import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** The store keeps the times by which it deletes, and when it was last backed up. */
export async function timesMigration({ schema }: Kysely<Tables>): Promise<void> {
  await schema.alterTable('blobstore_meta').addColumn('times', 'text').execute()
  await schema.alterTable('blobstore_meta').addColumn('backed_up_at', 'bigint').execute()
  await schema.alterTable('blobstore_process').addColumn('times', 'text').execute()
}
