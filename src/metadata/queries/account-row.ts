import { type ExpressionWrapper, expressionBuilder, type Kysely, type SqlBool } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Tables } from '../schema/tables.ts'
import { type Statement, statement } from '../statement.ts'
import type { Step } from '../step.ts'
import type { ResolvedQuota } from '../types.ts'

/** The numbers in an account's row. */
export interface AccountState {
  bytes: number
  count: number
  /** How many of its blobs no record references. */
  temporary: number
  reserved: number
  uploads: number
  pending: number
  deletedAt: number | null
}

type Deltas = Partial<Omit<AccountState, 'deletedAt'>>
type AccountRow = Omit<AccountState, 'deletedAt'> & { deleted_at: number | null }

/**
 * Writes the account's row, and resolves with it. Every transaction that changes what an account has does this first:
 * the row is the account's lock, and the transaction begins with a write. It is an insert or update, because an update
 * of a missing row would lock nothing. No other transaction changes the row before this one ends.
 */
export function* lockAccount(trx: Kysely<Tables>, did: string, deltas: Deltas = {}): Step<AccountState> {
  const { rows } = yield* addToAccount(trx, { did, ...noDeltas, ...deltas })
  return toState(rows[0] as (typeof rows)[number])
}

/** An account without a row has nothing: then each is null. */
export const toState = (row: { [name in keyof AccountRow]: AccountRow[name] | null }): AccountState => ({
  bytes: Number(row.bytes),
  count: Number(row.count),
  temporary: Number(row.temporary),
  reserved: Number(row.reserved),
  uploads: Number(row.uploads),
  pending: Number(row.pending),
  deletedAt: row.deleted_at === null ? null : Number(row.deleted_at),
})

export const noDeltas: Required<Deltas> = { bytes: 0, count: 0, temporary: 0, reserved: 0, uploads: 0, pending: 0 }

/** Adds to the numbers in an account's row, creates it if there is none, and returns it. */
export const addToAccount: Statement<{ did: string } & Required<Deltas>, AccountRow> = statement(
  (db, { did, bytes, count, temporary, reserved, uploads, pending }) =>
    db
      .insertInto('blobstore_account')
      .values({ did, bytes, count, temporary, reserved, uploads, pending, deleted_at: null, deleting: 0 })
      .onConflict((conflict) =>
        conflict.column('did').doUpdateSet((eb) => ({
          bytes: eb('blobstore_account.bytes', '+', bytes),
          count: eb('blobstore_account.count', '+', count),
          temporary: eb('blobstore_account.temporary', '+', temporary),
          reserved: eb('blobstore_account.reserved', '+', reserved),
          uploads: eb('blobstore_account.uploads', '+', uploads),
          pending: eb('blobstore_account.pending', '+', pending),
        })),
      )
      .returning(['bytes', 'count', 'temporary', 'reserved', 'uploads', 'pending', 'deleted_at']),
)

/**
 * As {@link lockAccount}, for changes that a deleted account must not make.
 *
 * @throws `AccountDeleted`
 */
export function* lockLivingAccount(trx: Kysely<Tables>, did: string, deltas?: Deltas): Step<AccountState> {
  const account = yield* lockAccount(trx, did, deltas)
  if (account.deletedAt === null) return account
  throw accountDeleted(did)
}

export function accountDeleted(did: string): BlobStoreError {
  return new BlobStoreError(
    'AccountDeleted',
    'The blobs of this account were deleted; reopenAccount() lets it have new ones',
    { did },
  )
}

/**
 * Whether the account is deleted: then its blobs are hidden, although their rows may stay for long, while the database
 * is marked as restored.
 */
export const isDeleted = (db: Kysely<Tables>, did: string): ExpressionWrapper<Tables, never, SqlBool> =>
  expressionBuilder<Tables>().exists(
    db.selectFrom('blobstore_account').select('did').where('did', '=', did).where('deleted_at', 'is not', null),
  )

/**
 * Refuses an upload that exceeds the quota. The account's row already counts the upload as reserved: the caller's
 * transaction rolls back, so a refusal leaves nothing; and the row is locked, so two uploads cannot pass the same
 * limit.
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

/** The most bytes that an upload of unknown size may reserve. */
export function grantable(account: AccountState, quota: ResolvedQuota, most: number): number {
  return Math.max(0, Math.min(most, quota.bytes - account.bytes - account.reserved))
}

function exceeded(did: string, why: string, transient = false): BlobStoreError {
  return new BlobStoreError('QuotaExceeded', `The account has reached its quota: ${why}`, { did, transient })
}
