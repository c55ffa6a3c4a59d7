import { type Kysely, sql } from 'kysely'
import type { Tables } from './tables.ts'

/** References keep what imported records say of their blobs, and nothing waits any longer for a blob that is held. */
export async function claimsMigration(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('blobstore_ref').addColumn('claimed_type', 'text').execute()
  await db.schema.alterTable('blobstore_ref').addColumn('claimed_size', 'bigint').execute()
  // What waited for other bytes than the account has, by type or size, waited for ever.
  await sql`insert into blobstore_ref (did, cid, record_uri, rev, scope, claimed_type, claimed_size)
    select did, cid, record_uri, rev, scope, mime_type, size from blobstore_expected as expected
    where exists (select 1 from blobstore_blob as blob where blob.cid = expected.cid and blob.did = expected.did)
    on conflict do nothing`.execute(db)
  await sql`update blobstore_blob set expires_at = null, was_referenced = 1
    where exists (select 1 from blobstore_expected as expected
      where expected.did = blobstore_blob.did and expected.cid = blobstore_blob.cid)`.execute(db)
  await sql`delete from blobstore_expected where exists (select 1 from blobstore_blob as blob
      where blob.cid = blobstore_expected.cid and blob.did = blobstore_expected.did)`.execute(db)
}
