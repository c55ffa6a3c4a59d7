import type { BlobCid } from '../blob/cid.ts'

/**
 * Who is asking. `public` sees what is referenced and not taken down, `account` its own temporary blobs too,
 * `moderator` everything.
 */
export type BlobViewer = 'public' | 'account' | 'moderator'

export interface BlobStat {
  cid: BlobCid
  mimeType: string
  /** In bytes. */
  size: number
  createdAt: Date
  /** Whether a record references it. */
  referenced: boolean
  takenDown: boolean
}

export interface BlobPage<T> {
  items: T[]
  /** Absent on the last page. */
  cursor?: string
}

export interface MissingBlob {
  cid: BlobCid
  recordUri: string
}

/** An imported record references a blob with another type or size than it has. This harms neither record nor blob. */
export interface DifferingClaim {
  cid: BlobCid
  recordUri: string
  /** As the record claims. */
  mimeType: string
  /** As the record claims, in bytes; null if it claims none. */
  size: number | null
}

/** Of many differing claims, at most so many are returned. */
export const maxDifferingClaims: number = 100

export interface ImportProgress {
  /** Distinct CIDs that the account's records reference. */
  expected: number
  /** How many of those are referenced and held. */
  imported: number
}

export interface AccountUsage {
  /** Bytes and number of the account's blobs, each counted in full even if the bytes are shared. */
  bytes: number
  count: number
  /** Bytes of running uploads. */
  reserved: number
  /**
   * Bytes that were the account's, until their delete delay is over; and what it uploaded twice, until no request can
   * still be running.
   */
  pending: number
}

export interface AccountEntry {
  did: string
  /** Whether the account is deleted: `deleteAccount` was called, and not `reopenAccount` since. */
  deleted: boolean
}

export interface StoreStats extends AccountUsage {
  accounts: number
  /** What is stored: each CID once, however many accounts have it. Without what waits for deletion. */
  storedBytes: number
  storedCount: number
  /** Keys that wait for deletion. */
  doomedCount: number
}

/** What one account may have. */
export interface AccountQuota {
  /** Bytes of its blobs and of its running uploads. @default unlimited */
  bytes?: number | undefined
  /** Number of its blobs and of its running uploads. @default unlimited */
  blobs?: number | undefined
  /** Number of its blobs that no record references. @default unlimited */
  temporaryBlobs?: number | undefined
  /**
   * Bytes that were its own and wait for deletion. While there are more, it cannot upload: otherwise deleting and
   * uploading again could fill the disk.
   * @default `bytes`
   */
  pendingBytes?: number | undefined
}

export type ResolvedQuota = { readonly [K in keyof AccountQuota]-?: number }
