import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * The store keeps the times by which it deletes, and when it was last backed up. An account's references are found by
 * revision: what is listed there is mostly what came last. And nobody asks any more which accounts wait for a CID.
 */
export async function timesMigration({ schema }: Kysely<Tables>): Promise<void> {
  await schema.alterTable('blobstore_meta').addColumn('times', 'text').execute()
  await schema.alterTable('blobstore_meta').addColumn('backed_up_at', 'bigint').execute()
  await schema.alterTable('blobstore_process').addColumn('times', 'text').execute()
  await schema.dropIndex('blobstore_expected_cid').execute()
  // All that is asked for by it, as in the index `record`.
  await schema.createIndex('blobstore_ref_rev').on('blobstore_ref').columns(['did', 'rev', 'cid', 'scope']).execute()
}
