import type { BlobCid } from '../blob/cid.ts'

/** Who asks. `public` sees what is referenced and not taken down, `account` its own temporary blobs too, `moderator` all. */
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

/** An imported record names a blob with another type or size than it has. That costs neither record nor blob anything. */
export interface DifferingClaim {
  cid: BlobCid
  recordUri: string
  /** As the record has it. */
  mimeType: string
  /** As the record has it, in bytes; null where it has none. */
  size: number | null
}

/** Of very many claims that differ, the first so many are told. */
export const maxDifferingClaims: number = 100

export interface ImportProgress {
  /** Distinct CIDs that the account's records name. */
  expected: number
  /** How many of those are referenced and held. */
  imported: number
}

export interface AccountUsage {
  /** Bytes and number of the account's blobs, each counted in full though the bytes may be shared. */
  bytes: number
  count: number
  /** Bytes of uploads under way. */
  reserved: number
  /** Bytes that were the account's, until their delete delay is over; and what it uploaded twice, until no request can be under way. */
  pending: number
}

export interface AccountEntry {
  did: string
  /** Whether `deleteAccount` was called for it, and `reopenAccount` was not. */
  deleted: boolean
}

export interface StoreStats extends AccountUsage {
  accounts: number
  /** What is stored: each CID once, however many accounts have it. Without what waits for its deletion. */
  storedBytes: number
  storedCount: number
  /** Keys that wait for their deletion. */
  doomedCount: number
}

/** What one account may have. */
export interface AccountQuota {
  /** Bytes of its blobs and of its uploads under way. @default unlimited */
  bytes?: number | undefined
  /** Number of its blobs and of its uploads under way. @default unlimited */
  blobs?: number | undefined
  /** Number of its blobs that no record references. @default unlimited */
  temporaryBlobs?: number | undefined
  /**
   * Bytes that were its own and wait for their deletion. While there are more, it cannot upload: deleting and uploading
   * again must not be a way to fill the disk.
   * @default `bytes`
   */
  pendingBytes?: number | undefined
}

export type ResolvedQuota = { readonly [K in keyof AccountQuota]-?: number }
