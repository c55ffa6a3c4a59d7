import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'

/** Each refuses with `StoreRestored` while the database is marked as restored. */
export interface CollectSteps {
  /** Milliseconds since 1970 by the database's clock, which sets all of its times. */
  clock(): Promise<number>
  /**
   * Corrects times that are further in the future than the longest delay that the store ever had: the clock ran ahead
   * when they were stored. Each delay begins now. Changes up to `limit` rows of each table, and resolves with how many.
   */
  bringBack(options: Ahead): Promise<number>
  /** A page of the blobs past their grace period that no takedown holds, in order of expiry. */
  expiredBlobs(page: { after: ExpiredBlob | null; limit: number; takedownHold: number }): Promise<ExpiredBlob[]>
  /** How many accounts have blobs, and how many blobs each of the given accounts has. */
  countBlobs(dids: readonly string[]): Promise<{ accounts: number; blobs: ReadonlyMap<string, number> }>
  /**
   * Deletes those of the account's blobs that are expired, unreferenced and not held, and the content that no account
   * has any more, leaving a tombstone for it. Resolves with the number of blobs deleted.
   */
  collectBlobs(did: string, cids: readonly BlobCid[], options: Delays): Promise<number>
  /** Postpones the expiry of temporary blobs to `delay` milliseconds from now. */
  postponeBlobs(did: string, cids: readonly BlobCid[], options: { delay: number }): Promise<void>
  /** Uploads whose lease is over. */
  expiredUploads(limit: number): Promise<{ did: string | null; key: string }[]>
  /** Ends an upload whose lease is over, and dooms its bytes. Resolves with whether it did. */
  collectUpload(did: string | null, key: string, options: { unusedDelay: number }): Promise<boolean>
  /**
   * Keys whose bytes may be deleted as of a time of {@link clock}. Keys that were postponed since then are not among
   * them.
   */
  dueKeys(limit: number, at: number): Promise<DoomedKey[]>
  /** Removes the tombstones of bytes that are deleted. */
  forgetKeys(keys: readonly DoomedKey[]): Promise<void>
  /** Records why bytes could not be deleted, and when to try again. */
  postponeKeys(keys: readonly BlobKey[], options: { error: string; delay: number }): Promise<void>
  /** How many uploads and keys collecting would find now. */
  countDue(): Promise<DueCounts>
  /** The number of doomed keys, due or not. */
  countDoomed(): Promise<number>
}

export interface Ahead {
  limit: number
  /** The least time after which something that was postponed is tried again, in milliseconds. */
  retry: number
  /**
   * How much longer than its lease an upload may last because of its bytes: at this rate in bytes a second, and at most
   * this long.
   */
  allowance: { rate: number; most: number }
}

/** In milliseconds. */
export interface Delays {
  /** From the deletion of the last row that named bytes to the deletion of the bytes. */
  deleteDelay: number
  /** From the first takedown of a blob to the deletion of its row. */
  takedownHold: number
}

export interface ExpiredBlob {
  did: string
  cid: BlobCid
  expiresAt: number
  /** Whether a record references it or waits for it: then it has not expired, and only needs to be examined once. */
  referenced: boolean
  /** Whether records still wait for it, as after a crash: then call `meetExpectations`. */
  waited: boolean
  /** Whether a record ever referenced it. */
  wasReferenced: boolean
}

export interface DueCounts {
  /** Uploads whose lease is over. */
  uploads: number
  /** Keys whose bytes may be deleted, and the number of bytes as far as known. */
  keys: number
  bytes: number
}

export interface DoomedKey {
  key: BlobKey
  /** Null if there are no bytes, only a charge to the account. */
  backend: string | null
  did: string | null
  size: number
}

/** Each refuses with `StoreRestored` while the database is marked as restored. */
export interface SweepSteps {
  /**
   * Records those of the keys, as just listed, that are in no table and have the number of no open entry. One statement
   * examines all: with one statement for each, a key could move from table to table in between. Resolves with how many.
   */
  noteUnknown(sweep: string, keys: readonly BlobKey[]): Promise<number>
  /** Dooms up to `limit` of the recorded keys that are still unknown. Resolves with whether any remain. */
  doomNoted(sweep: string, options: { backend: string; limit: number; deleteDelay: number }): Promise<boolean>
  /** Deletes the notes of this sweep, or those of all. */
  forgetNotes(sweep: string | null): Promise<void>
}
