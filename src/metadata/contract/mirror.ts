import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { InTransaction } from '../host-database.ts'
import type { Content } from './scrub.ts'

/** The name by which rows refer to the mirror, whatever its backend is called. No other backend may have it. */
export const mirrorName = 'mirror'

/**
 * What is known of the second copy. The mirror decides nothing: which blobs exist, and who sees them, is in the other
 * tables. A key in the mirror moves from `upload` to `mirrored` to `doomed`, as one of the store's own moves to
 * `content`, and is never used twice.
 */
export interface MirrorSteps {
  /** The id of the mirror that the rows are about; null before the first. */
  mirrorId(): Promise<string | null>
  /**
   * From now on new content waits for the mirror with this id. Resolves with false, and changes nothing, if the rows are
   * about another one: then a process has chosen that meanwhile.
   */
  setMirrorId(id: string): Promise<boolean>
  /**
   * Forgets up to `limit` copies, which are in a mirror that is lost: their content waits again. With the last one, in the
   * same transaction, the rows are about the mirror with this id, so that nothing which a process still copies to the
   * former mirror counts as copied; with null the store has no mirror then. Resolves with whether that is so.
   */
  replaceMirror(id: string | null, limit: number): Promise<boolean>
  /**
   * Of up to `limit` keys after this one that wait for their deletion, forgets those in the mirror; with the first, also
   * the copies that are under way. Resolves with the last one that was examined; null at the end.
   */
  forgetDoomed(page: { after: string; limit: number }): Promise<string | null>

  /** A page of the content that waits to be copied, what has waited longest first. Without what is being copied. */
  waiting(page: { after: WaitingContent | null; limit: number }): Promise<WaitingContent[]>
  /** What waits, in statements of bounded size. Stops after `most` objects. */
  lag(options: { most: number }): Promise<MirrorLag>
  /**
   * Creates the row before the bytes of a copy.
   *
   * @throws `BlobTakenDown` if the CID is purged for all: it must not be copied
   */
  intendMirrored(copy: { key: BlobKey; cid: BlobCid; lease: number }): Promise<void>
  /**
   * After the copy was stored in the mirror with this id, and verified: the content no longer waits. Otherwise, because it
   * is gone, or has a copy by now, or the lease was over, or the store has another mirror now, dooms this copy. Resolves
   * with whether it is kept.
   */
  keepMirrored(copy: {
    mirror: string
    key: BlobKey
    cid: BlobCid
    size: number
    unusedDelay: number
  }): Promise<boolean>
  /** Content that has a verified copy no longer waits: it was deleted and uploaded again. Resolves with whether it has one. */
  isMirrored(cid: BlobCid): Promise<boolean>
  /** Copies of the CID, verified ones first. At most 10. */
  mirroredCopies(cid: BlobCid, options: InTransaction): Promise<MirroredCopy[]>
  /** The bytes of a copy are damaged or missing: dooms it, and its content waits again, if it has no other copy. */
  forgetDamaged(copy: { cid: BlobCid; key: BlobKey }): Promise<void>
  /**
   * A copy cannot be read, and may be good or not: it counts as one that nobody has verified, and its content waits for
   * another, if it has none. The copy is kept meanwhile, as long as what nothing needs, because it may be the last.
   */
  doubtMirrored(copy: { cid: BlobCid; key: BlobKey }): Promise<void>
  /** Records that a copy was read, and is good. */
  markMirrored(copy: { cid: BlobCid; key: BlobKey }): Promise<void>
  /** A page of the copies, ordered by CID and key: all of them, or those not verified within `olderThan` milliseconds. */
  copies(page: { after: MirroredCopy | null; limit: number; olderThan?: number }): Promise<MirroredCopy[]>

  /**
   * Examines up to `limit` contents after this CID: those that neither have a copy nor wait for one, wait from now on.
   * Resolves with the last CID that was examined; null at the end.
   */
  findUnmirrored(page: { after: BlobCid | ''; limit: number }): Promise<BlobCid | null>
  /**
   * Examines up to `limit` copies: those whose CID has no content are unneeded from now on, unless they were before; the
   * others are needed. Resolves with the last one; null at the end.
   */
  findUnneeded(page: { after: MirroredCopy | null; limit: number }): Promise<MirroredCopy | null>
  /**
   * Of up to `limit` copies that have not been needed for `delay` milliseconds, dooms those that are not needed now.
   * Resolves with how many were examined, and doomed.
   *
   * @throws `StoreRestored`
   */
  doomUnneeded(options: { delay: number; limit: number }): Promise<{ examined: number; doomed: number }>
  /**
   * Dooms up to `limit` copies of a purged CID, due at once. Resolves with whether any may remain. Does nothing for a purge
   * of one account while others have the bytes.
   */
  doomPurged(did: string, cid: BlobCid, options: { limit: number }): Promise<boolean>
  /** Keys found in the mirror that are in no table become copies that nobody has verified, and that nothing needs. */
  adoptUnknown(keys: readonly BlobKey[]): Promise<number>
}

export interface WaitingContent extends Content {
  /** By the database's clock, in milliseconds since 1970. */
  since: number
}

export interface MirroredCopy {
  cid: BlobCid
  key: BlobKey
  size: number
}

export interface MirrorLag {
  /** What is not in the mirror yet. At least so many, if `isMore`. */
  objects: number
  bytes: number
  /** Whether there are more than were counted. */
  isMore: boolean
  /** For how long the oldest of them has waited, in milliseconds; null if none waits. */
  oldest: number | null
}
