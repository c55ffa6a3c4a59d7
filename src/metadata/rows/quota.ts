import { BlobStoreError } from '../../errors.ts'
import type { ResolvedQuota } from '../quota.ts'
import type { AccountState } from './account-row.ts'

/**
 * Refuses an upload of `size` bytes that the account's row already counts as reserved. The transaction that counted it
 * is rolled back, so a refusal leaves nothing; and the row is locked, so no two uploads pass one border.
 *
 * @throws `QuotaExceeded`
 */
export function assertQuota(did: string, account: AccountState, quota: ResolvedQuota): void {
  const { bytes, blobs, temporaryBlobs, pendingBytes } = quota
  if (account.bytes + account.reserved > bytes) {
    throw exceeded(did, `its blobs and uploads may have ${bytes} bytes; delete some`)
  }
  if (account.count + account.uploads > blobs) throw exceeded(did, `it may have ${blobs} blobs; delete some`)
  if (account.pending > pendingBytes) {
    throw exceeded(did, `${account.pending} bytes that it deleted wait to be collected; try again later`, true)
  }
  if (account.temporary + account.uploads <= temporaryBlobs) return
  throw exceeded(did, `it may have ${temporaryBlobs} blobs that no record references; wait, or reference them`, true)
}

/** The most bytes that an upload of unknown length may have. */
export function grantable(account: AccountState, quota: ResolvedQuota, most: number): number {
  return Math.max(0, Math.min(most, quota.bytes - account.bytes - account.reserved))
}

function exceeded(did: string, why: string, transient = false): BlobStoreError {
  return new BlobStoreError('QuotaExceeded', `The account has reached its quota: ${why}`, { did, transient })
}
