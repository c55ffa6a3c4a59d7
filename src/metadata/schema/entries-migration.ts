import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * Small uploads have no row of their own any more: the entry of their process knows their bytes. A process of an older
 * version, which was open before this, does not know that: its sweep would take them for nobody's, and its purge not wait
 * for their commits. Both fail, because their tables have other names.
 */
export async function entriesMigration({ schema }: Kysely<Tables>): Promise<void> {
  await schema.alterTable('blobstore_process').addColumn('number', 'bigint').execute()
  await schema.alterTable('blobstore_candidate').renameTo('blobstore_orphan').execute()
  await schema.alterTable('blobstore_purge').renameTo('blobstore_purge_record').execute()
}
