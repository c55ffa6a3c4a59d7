import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'

/** Each refuses with `StoreRestored` while the database is marked as restored. */
export interface CollectSteps {
  /** Milliseconds since 1970 by the database's clock, which all of its times are of. */
  clock(): Promise<number>
  /**
   * Brings back times that lie further in the future than the longest delay that the store ever had: the clock ran ahead when
   * they were stored. Each delay begins now. Changes up to `limit` rows of each table, and resolves with how many.
   */
  bringBack(options: Ahead): Promise<number>
  /** A page of the blobs past their grace period that no takedown holds, in the order in which they expired. */
  expiredBlobs(page: { after: ExpiredBlob | null; limit: number; takedownHold: number }): Promise<ExpiredBlob[]>
  /** How many accounts have blobs, and how many these have, of the accounts asked for. */
  countBlobs(dids: readonly string[]): Promise<{ accounts: number; blobs: ReadonlyMap<string, number> }>
  /**
   * Deletes those of the account's blobs that are expired, unreferenced and not held, and the content that no account has any
   * more, with its tombstone. Resolves with the number of blobs deleted.
   */
  collectBlobs(did: string, cids: readonly BlobCid[], options: Delays): Promise<number>
  /** Temporary blobs that are not to be forgotten yet: they expire `delay` milliseconds from now. */
  postponeBlobs(did: string, cids: readonly BlobCid[], options: { delay: number }): Promise<void>
  /** Uploads whose lease is over. */
  expiredUploads(limit: number): Promise<{ did: string | null; key: string }[]>
  /** Ends an upload whose lease is over, and dooms its bytes. Resolves with whether it did. */
  collectUpload(did: string | null, key: string, options: { unusedDelay: number }): Promise<boolean>
  /** Keys whose bytes might be deleted at a time, by {@link clock}: those that were put off since then are not among them. */
  dueKeys(limit: number, at: number): Promise<DoomedKey[]>
  /** The bytes are gone: drops the tombstones. */
  forgetKeys(keys: readonly DoomedKey[]): Promise<void>
  /** The bytes could not be deleted: notes why, and when to try again. */
  postponeKeys(keys: readonly BlobKey[], options: { error: string; delay: number }): Promise<void>
  /** What collecting would find now of uploads and keys. */
  countDue(): Promise<DueCounts>
  /** Keys that are doomed, due or not. */
  countDoomed(): Promise<number>
}

export interface Ahead {
  limit: number
  /** After how many milliseconds at least something that was put off is tried again. */
  retry: number
  /** How much longer than its lease an upload may last, for its bytes: at so many bytes a second, and at most. */
  allowance: { rate: number; most: number }
}

/** In milliseconds. */
export interface Delays {
  /** From the last row that named bytes to their deletion. */
  deleteDelay: number
  /** From the first takedown of a blob to the deletion of its row. */
  takedownHold: number
}

export interface ExpiredBlob {
  did: string
  cid: BlobCid
  expiresAt: number
  /** Whether a record references it or waits for it: then it has not expired at all, and only needs to be looked at once. */
  referenced: boolean
  /** Whether records still wait for it, as after a crash: `meetExpectations` is for those. */
  waited: boolean
  /** Whether one ever did. */
  wasReferenced: boolean
}

export interface DueCounts {
  /** Uploads whose lease is over. */
  uploads: number
  /** Keys whose bytes may be deleted, and these as far as known. */
  keys: number
  bytes: number
}

export interface DoomedKey {
  key: BlobKey
  /** Null where there are no bytes, only a charge. */
  backend: string | null
  did: string | null
  size: number
}

/** Each refuses with `StoreRestored` while the database is marked as restored. */
export interface SweepSteps {
  /**
   * Notes those of the keys, as they were listed just before, that are in no table. All tables are looked at in one
   * statement: looked at one after the other, a key could move from the next to the last between the looks.
   * Resolves with their number.
   */
  noteUnknown(sweep: string, keys: readonly BlobKey[]): Promise<number>
  /** Dooms up to `limit` of the keys noted that are still unknown. Resolves with whether any remain noted. */
  doomNoted(sweep: string, options: { backend: string; limit: number; deleteDelay: number }): Promise<boolean>
  /** Forgets the notes of this sweep, or those of all. */
  forgetNotes(sweep: string | null): Promise<void>
}
