import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/** The store knows which content has a verified copy in its mirror, and which content waits for one. */
export async function mirrorMigration({ schema }: Kysely<Tables>, dialect: Dialect['name']): Promise<void> {
  const end = dialect === 'sqlite' ? sql`without rowid` : sql``
  const text = dialect === 'sqlite' ? 'text' : sql`text collate "C"`
  await schema.alterTable('blobstore_meta').addColumn('mirror', text).execute()
  await schema.alterTable('blobstore_content').addColumn('unmirrored_since', 'bigint').execute()
  // Empty in a store without a mirror. With the size, so that what waits is added up in the index alone.
  await schema
    .createIndex('blobstore_content_unmirrored')
    .on('blobstore_content')
    .columns(['unmirrored_since', 'cid', 'size'])
    .where('unmirrored_since', 'is not', null)
    .execute()
  await schema
    .createTable('blobstore_mirrored')
    .addColumn('cid', text, (c) => c.notNull())
    .addColumn('key', text, (c) => c.notNull())
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('verified_at', 'bigint')
    .addColumn('unneeded_since', 'bigint')
    .addPrimaryKeyConstraint('blobstore_mirrored_pk', ['cid', 'key'])
    .modifyEnd(end)
    .execute()
  await schema
    .createIndex('blobstore_mirrored_unneeded')
    .on('blobstore_mirrored')
    .columns(['unneeded_since', 'cid', 'key'])
    .where('unneeded_since', 'is not', null)
    .execute()
}
