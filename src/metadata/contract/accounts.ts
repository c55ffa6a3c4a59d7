import type { BlobCid } from '../../blob/cid.ts'
import type { InTransaction } from '../host-database.ts'
import type { BlobPage, TakedownReversal } from '../types.ts'
import type { Delays } from './collection.ts'
import type { PageRequest } from './queries.ts'

/** How moderators hide blobs. */
export interface TakedownSteps {
  /** `did` may be `*` for every account. Resolves with when the blob was first taken down so. */
  takedown(
    did: string,
    cid: BlobCid,
    options: { ref: string | null; by: string | null } & InTransaction,
  ): Promise<number>
  /** @throws `BlobTakenDown` (transient) while a purge of the same still has blobs of accounts to release */
  reverseTakedown(
    did: string,
    cid: BlobCid,
    options: { onlyQuarantined?: boolean } & InTransaction,
  ): Promise<TakedownReversal>
  /** A page of takedowns, the newest first; with `cid` those of one CID, ordered by account. */
  listTakedowns(options: TakedownRequest): Promise<BlobPage<TakedownRecord>>
}

export interface TakedownRequest extends PageRequest {
  cid: BlobCid | undefined
  quarantined: boolean | undefined
}

/** A takedown that was not reversed. It outlives the blob. */
export interface TakedownRecord {
  /** `*` for every account. */
  did: string
  cid: BlobCid
  /** When the blob was first taken down so, by the database's clock. */
  takenDownAt: Date
  /** The moderator's own note, of the last call that took it down. */
  ref: string | null
  /** Who requested it, as that call or the purge said. */
  by: string | null
  /** Whether a purge made it: then no bytes of it are stored, hidden or not. */
  purged: boolean
  /**
   * Whether the inspection of an upload made it, and it waits for a moderator's decision. Then `ref` is the reason that
   * the inspection gave, and `by` is `inspect`. Such a takedown ends with the blob.
   */
  quarantined: boolean
}

/** How all blobs of an account are deleted, some in each transaction. */
export interface AccountSteps {
  /** Marks the account as deleted: from then on nothing is added to it. Resolves with the mark. */
  markDeleted(did: string): Promise<number>
  /**
   * Deletes up to `limit` of a marked account's references and blobs. Resolves with whether any remain, not counting
   * those that a takedown holds: they have expired, and are collected when the hold ends. Does nothing if the account
   * has another mark by now.
   */
  deleteSome(did: string, mark: number, options: { limit: number } & Delays): Promise<boolean>
  /** Marked accounts that still have something, as after a crash. */
  unfinishedDeletions(limit: number): Promise<{ did: string; mark: number }[]>
  /** Removes the mark. */
  reopen(did: string, options: InTransaction): Promise<void>
}
