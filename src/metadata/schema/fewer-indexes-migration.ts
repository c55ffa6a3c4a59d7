import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * Since 004 the account's row counts its temporary blobs, and nothing else looked for them by account. Each upload and
 * each first reference wrote to this index.
 */
export async function fewerIndexesMigration({ schema }: Kysely<Tables>): Promise<void> {
  // Whoever looks for indexes that nothing reads may have done it before.
  await schema.dropIndex('blobstore_blob_temporary').ifExists().execute()
}
