import type { BlobCid } from '../../blob/cid.ts'
import type { InTransaction } from '../host-database.ts'
import type { Delays } from './collection.ts'

/** How moderators hide blobs. */
export interface TakedownSteps {
  /** `did` may be `*` for every account. */
  takedown(did: string, cid: BlobCid, options: { ref: string | null } & InTransaction): Promise<void>
  /** @throws `BlobTakenDown` (transient) while a purge of the same still has blobs of accounts to release */
  reverseTakedown(did: string, cid: BlobCid, options: InTransaction): Promise<void>
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
