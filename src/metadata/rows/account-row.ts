import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Tables } from '../tables.ts'

interface Deltas {
  bytes?: number
  count?: number
  reserved?: number
  pending?: number
}

/**
 * Writes the account's row, which every transaction that changes what the account has does first: it is the account's
 * lock, and it makes the transaction begin with a write. An insert or update, since an update of a row that is not
 * there would lock nothing. Resolves with the account's mark of deletion.
 */
export async function lockAccount(trx: Kysely<Tables>, did: string, deltas: Deltas = {}): Promise<number | null> {
  const { bytes = 0, count = 0, reserved = 0, pending = 0 } = deltas
  const row = await trx
    .insertInto('blobstore_account')
    .values({ did, bytes, count, reserved, pending, deleted_at: null, deleting: 0 })
    .onConflict((conflict) =>
      conflict.column('did').doUpdateSet((eb) => ({
        bytes: eb('blobstore_account.bytes', '+', bytes),
        count: eb('blobstore_account.count', '+', count),
        reserved: eb('blobstore_account.reserved', '+', reserved),
        pending: eb('blobstore_account.pending', '+', pending),
      })),
    )
    .returning('deleted_at')
    .executeTakeFirstOrThrow()
  return row.deleted_at === null ? null : Number(row.deleted_at)
}

/** As {@link lockAccount}, for what a deleted account may not do. */
export async function lockLivingAccount(trx: Kysely<Tables>, did: string, deltas?: Deltas): Promise<void> {
  if ((await lockAccount(trx, did, deltas)) !== null) throw accountDeleted(did)
}

export function accountDeleted(did: string): BlobStoreError {
  return new BlobStoreError(
    'AccountDeleted',
    'The blobs of this account were deleted; reopenAccount() lets it have new ones',
    {
      did,
    },
  )
}
