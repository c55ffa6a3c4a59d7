import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * Small uploads have no row of their own any more: the entry of their process knows their bytes. A sweep by a process of an
 * older version, which was open before this, would take them for nobody's. It fails, because its table has another name.
 */
export async function entriesMigration({ schema }: Kysely<Tables>): Promise<void> {
  await schema.alterTable('blobstore_process').addColumn('number', 'bigint').execute()
  await schema.alterTable('blobstore_candidate').renameTo('blobstore_orphan').execute()
}
