import { type Kysely, sql } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { lockAccount } from './account-row.ts'
import { lockContents } from './delete-blobs.ts'
import { doom } from './doomed-rows.ts'
import { assertNotRestored } from './identity-rows.ts'
import { deleteNamings, isNamed } from './naming-rows.ts'
import { isPurged } from './purge-rows.ts'

type Trx = Kysely<Tables>

interface Purged {
  did: string
  cid: BlobCid
  limit: number
}

/** See `PurgeSteps.releasePurged`. */
export async function releasePurged(session: Session, trx: Trx, { did, cid, limit }: Purged): Promise<boolean> {
  await lockAccount(trx, did)
  await assertNotRestored(trx)
  if (!(await isPurged(trx, did, cid))) return false
  const some = sql`did = ${did} and cid = ${cid} order by scope, rev, record_uri limit ${limit}`
  // With what each record says of the blob, as if it had been imported before its blob.
  await sql`insert into blobstore_expected (did, cid, record_uri, rev, scope, mime_type, size)
    select ref.did, ref.cid, ref.record_uri, ref.rev, ref.scope,
      coalesce(ref.claimed_type, blob.mime_type), coalesce(ref.claimed_size, blob.size)
    from (select * from blobstore_ref where ${some}) as ref
    inner join blobstore_blob as blob on blob.cid = ref.cid and blob.did = ref.did
    where true on conflict do nothing`.execute(trx)
  await deleteNamings(trx, 'blobstore_ref', some)
  return !(await deleteUnreferenced(session, trx, did, cid))
}

/** Resolves with whether the account has the blob no more. */
async function deleteUnreferenced(session: Session, trx: Trx, did: string, cid: BlobCid): Promise<boolean> {
  const blob = await trx
    .selectFrom('blobstore_blob')
    .select(['size', 'expires_at'])
    .select((eb) => isNamed(eb, 'blobstore_ref').as('referenced'))
    .where('did', '=', did)
    .where('cid', '=', cid)
    .executeTakeFirst()
  if (!blob) return true
  if (blob.referenced) return false
  await trx.deleteFrom('blobstore_blob').where('did', '=', did).where('cid', '=', cid).execute()
  const size = Number(blob.size)
  await lockAccount(trx, did, { bytes: -size, count: -1, temporary: blob.expires_at === null ? 0 : -1 })
  await lockContents(session, trx, [cid])
  const content = await trx
    .deleteFrom('blobstore_content')
    .where('cid', '=', cid)
    .where((eb) => eb.not(eb.exists(eb.selectFrom('blobstore_blob').select('did').where('cid', '=', cid))))
    .returning(['key', 'backend'])
    .executeTakeFirst()
  // Due at once: the bytes were stored long ago, so no request is under way that a tombstone would have to outlast.
  if (content) await doom(session, trx, [{ ...content, did: null, size }], 0)
  return true
}
