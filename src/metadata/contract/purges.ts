import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { BlobPage } from '../types.ts'
import type { DoomedKey } from './collection.ts'
import type { PageRequest } from './queries.ts'

/**
 * How illegal content is deleted at once. A purge takes the blob down first; then records wait for the blob instead of
 * referencing it, and the content is doomed as by a collection. Only the time is special: the keys are deleted before
 * their delay is over. Their tombstones stay until then, because a request that writes under such a key may still be
 * running.
 */
export interface PurgeSteps {
  /**
   * Takes the CID down for the account, or with `*` for all, so that its bytes are not stored again, and records the
   * purge. Ends the account's resumable uploads that have such bytes. All in one transaction, before anything is deleted:
   * from here on the purge will be completed, whatever crashes.
   */
  beginPurge(purge: { id: string; did: string; cid: BlobCid; reason: string | null; by: string | null }): Promise<void>
  /**
   * Waits for the commits of uploads that may not have seen the takedown. When it resolves, no account gets the blob
   * any more, but by a commit that has hung for ten seconds. Resolves with how many of these there are, and uploads of the
   * CID with rows, of the account or of all: they are refused at their end. Unless it is 0, the purge is not finished.
   *
   * @throws `StoreRestored`
   */
  awaitUploads(did: string, cid: BlobCid): Promise<number>
  /** A page of the accounts that have the blob and for which the CID is purged, ordered by DID. */
  purgedHolders(did: string, cid: BlobCid, page: { after: string; limit: number }): Promise<string[]>
  /**
   * Makes up to `limit` of the account's records that reference the purged blob wait for it instead. When none
   * references it, ends the account's resumable uploads that became the blob, and deletes the blob, and the content that
   * no account has any more. Its tombstone is due at
   * once and charged to no account, so the account's usage shows nothing of what others have. Resolves with whether
   * anything of it remains. Does nothing if the CID is not purged for the account.
   *
   * @throws `StoreRestored`
   */
  releasePurged(did: string, cid: BlobCid, options: { limit: number }): Promise<boolean>
  /**
   * A page of the doomed keys of the CID, whatever their delay, ordered by key. For a purge of one account there are
   * none while others have the bytes, or had them last: the delay protects the others' backups.
   *
   * @throws `StoreRestored`
   */
  purgedKeys(did: string, cid: BlobCid, page: { after: BlobKey | ''; limit: number }): Promise<PurgedKey[]>
  /**
   * Records in each unfinished purge of this CID and account how many keys were deleted. With `complete` nothing
   * remains, and the purges are finished, unless accounts still have the blob.
   */
  endPurge(did: string, cid: BlobCid, deletion: { keys: number; complete: boolean }): Promise<void>
  /** The record of a purge; null if no purge has this id. */
  purgeRecord(id: string): Promise<PurgeRecord | null>
  /** A page of the purges that are not finished, ordered by id. */
  openPurges(page: { after: string; limit: number }): Promise<OpenPurge[]>
  /** A page of the purges of the last `within` milliseconds, the newest first. */
  recentPurges(page: { within: number; after: RecentPurge | null; limit: number }): Promise<RecentPurge[]>
  /** A page of all purges, the newest first. */
  listPurges(options: PageRequest): Promise<BlobPage<PurgeRecord>>
}

export interface PurgedKey extends DoomedKey {
  /**
   * Whether its delay was over when it was listed: then its tombstone may be removed, once the bytes are deleted. The
   * tombstone of a key that becomes due meanwhile must stay: a request may have written after the deletion.
   */
  due: boolean
}

export interface OpenPurge {
  id: string
  did: string
  cid: BlobCid
}

export interface RecentPurge extends OpenPurge {
  /** By the database's clock, in milliseconds since 1970. */
  purgedAt: number
}

/** What is kept of a purge, for ever. */
export interface PurgeRecord {
  /** `*` for every account. */
  did: string
  cid: BlobCid
  /** When the blob was taken down, by the database's clock. */
  purgedAt: Date
  /** As the caller gave them. */
  reason: string | null
  by: string | null
  /** How many keys were deleted from the backends. Keys whose tombstones still wait count again in a later purge. */
  keys: number
  /**
   * When the last of them was deleted. Null while something remains, which collecting continues; and with
   * `sharedWithOthers`, because then the bytes stay.
   */
  goneAt: Date | null
  /**
   * For the purge of one account: others have the same bytes, or had them last, so they were not deleted. For the
   * operator only: the account's owner must not learn it. Purge the CID for `*` to delete them.
   */
  sharedWithOthers: boolean
  /**
   * The last backup that was marked before (by `markBackup` or `backup`). It, older ones, and copies of the bytes made
   * before the purge may contain the blob. Null if none was ever marked: then it is unknown whether there are backups.
   */
  heldByBackups: Date | null
}
