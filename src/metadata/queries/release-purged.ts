import { type Kysely, sql } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { lockContents } from './delete-blobs.ts'
import { doom } from './doomed-rows.ts'
import { endingResumables } from './forget-resumables.ts'
import { assertNotRestored } from './identity-rows.ts'
import { deleteNamings, isNamed } from './naming-rows.ts'
import { isPurged } from './purge-rows.ts'
import { forgetQuarantines } from './quarantine-rows.ts'

type Trx = Kysely<Tables>

interface Purged {
  did: string
  cid: BlobCid
  limit: number
}

/** See `PurgeSteps.releasePurged`. */
export function* releasePurged(session: Session, trx: Trx, { did, cid, limit }: Purged): Step<boolean> {
  yield* lockAccount(trx, did)
  yield* assertNotRestored(trx)
  if (!(yield* isPurged(trx, did, cid))) return false
  const some = sql`did = ${did} and cid = ${cid} order by scope, rev, record_uri limit ${limit}`
  // Each record waits with the type and size that it gives, as if it had been imported before its blob.
  const waiting = sql`insert into blobstore_expected (did, cid, record_uri, rev, scope, mime_type, size)
    select ref.did, ref.cid, ref.record_uri, ref.rev, ref.scope,
      coalesce(ref.claimed_type, blob.mime_type), coalesce(ref.claimed_size, blob.size)
    from (select * from blobstore_ref where ${some}) as ref
    inner join blobstore_blob as blob on blob.cid = ref.cid and blob.did = ref.did
    where true on conflict do nothing`
  yield* execute(waiting.compile(trx))
  yield* deleteNamings(trx, 'blobstore_ref', some)
  return !(yield* deleteUnreferenced(session, trx, did, cid))
}

/** Resolves with whether the account no longer has the blob. */
function* deleteUnreferenced(session: Session, trx: Trx, did: string, cid: BlobCid): Step<boolean> {
  const blob = yield* firstRow(
    trx
      .selectFrom('blobstore_blob')
      .select(['size', 'expires_at'])
      .select((eb) => isNamed(eb, 'blobstore_ref').as('referenced'))
      .where('did', '=', did)
      .where('cid', '=', cid),
  )
  if (!blob) return true
  if (blob.referenced) return false
  yield* execute(trx.deleteFrom('blobstore_blob').where('did', '=', did).where('cid', '=', cid))
  yield* forgetQuarantines(trx, did, [cid])
  // Where a crash has left parts of a finished upload, they have its bytes.
  yield* execute(endingResumables(session, trx, did).where('state', '=', 'finished').where('cid', '=', cid))
  const size = Number(blob.size)
  yield* lockAccount(trx, did, { bytes: -size, count: -1, temporary: blob.expires_at === null ? 0 : -1 })
  yield* lockContents(session, trx, [cid])
  const content = yield* firstRow(
    trx
      .deleteFrom('blobstore_content')
      .where('cid', '=', cid)
      .where((eb) => eb.not(eb.exists(eb.selectFrom('blobstore_blob').select('did').where('cid', '=', cid))))
      .returning(['key', 'backend']),
  )
  // Due at once: the bytes were stored long ago, so no request is running that a tombstone would have to outlast.
  if (content) yield* doom(session, trx, [{ ...content, did: null, size }], 0)
  return true
}
