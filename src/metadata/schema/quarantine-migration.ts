import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** A takedown may be a quarantine, which waits for a moderator's decision. Both kinds are listed by their time. */
export async function quarantineMigration({ schema }: Kysely<Tables>): Promise<void> {
  await schema
    .alterTable('blobstore_takedown')
    .addColumn('quarantined', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await schema
    .createIndex('blobstore_takedown_quarantined')
    .on('blobstore_takedown')
    .columns(['quarantined', 'created_at', 'cid', 'did'])
    .execute()
}
