import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { ResolvedQuota } from '../quota.ts'
import type { Tables } from '../tables.ts'
import type { AccountState } from './account-row.ts'

/**
 * Refuses an upload of `size` bytes that the account's row already counts as reserved. The transaction that counted it
 * is rolled back, so a refusal leaves nothing; and the row is locked, so no two uploads pass one border.
 *
 * @throws `QuotaExceeded`
 */
export async function assertQuota(
  trx: Kysely<Tables>,
  did: string,
  account: AccountState,
  quota: ResolvedQuota,
): Promise<void> {
  const { bytes, blobs, temporaryBlobs, pendingBytes } = quota
  if (account.bytes + account.reserved > bytes) {
    throw exceeded(did, `its blobs and uploads may have ${bytes} bytes; delete some`)
  }
  if (account.count + account.uploads > blobs) throw exceeded(did, `it may have ${blobs} blobs; delete some`)
  if (account.pending > pendingBytes) {
    throw exceeded(did, `${account.pending} bytes that it deleted wait to be collected; try again later`, true)
  }
  if (temporaryBlobs === Number.POSITIVE_INFINITY) return
  const row = await trx
    .selectFrom((eb) =>
      eb
        .selectFrom('blobstore_blob')
        .select('cid')
        .where('did', '=', did)
        .where('expires_at', 'is not', null)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('blobstore_ref as ref')
                .select('ref.cid')
                .whereRef('ref.did', '=', 'blobstore_blob.did')
                .whereRef('ref.cid', '=', 'blobstore_blob.cid'),
            ),
          ),
        )
        .limit(temporaryBlobs)
        .as('temporary'),
    )
    .select((eb) => eb.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(row.count) + account.uploads <= temporaryBlobs) return
  throw exceeded(did, `it may have ${temporaryBlobs} blobs that no record references; wait, or reference them`, true)
}

/** The most bytes that an upload of unknown length may have. */
export function grantable(account: AccountState, quota: ResolvedQuota, most: number): number {
  return Math.max(0, Math.min(most, quota.bytes - account.bytes - account.reserved))
}

function exceeded(did: string, why: string, transient = false): BlobStoreError {
  return new BlobStoreError('QuotaExceeded', `The account has reached its quota: ${why}`, { did, transient })
}
