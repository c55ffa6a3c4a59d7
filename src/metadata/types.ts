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
  /**
   * For `as: 'moderator'`, of a blob that is taken down. With two takedowns it is the account's own, unless only the
   * other one has a `ref`.
   */
  takedown?: BlobTakedown
}

/** Why a blob is hidden, for moderators: `takedown` of com.atproto.admin.getSubjectStatus. */
export interface BlobTakedown {
  /** The moderator's own note. */
  ref: string | null
  /** Who requested it. */
  by: string | null
  /** When it was first taken down so, by the database's clock. */
  takenDownAt: Date
  /** Whether the CID is taken down in every account. */
  everyAccount: boolean
  /** Whether the inspection of its upload hid it, and it waits for a moderator's decision. */
  quarantined: boolean
}

/** What a reversal found. */
export interface TakedownReversal {
  /** Whether there was such a takedown. */
  reversed: boolean
  /**
   * Whether the blob stays hidden: of one account, by a takedown of the CID for every account; with `*`, in accounts by
   * takedowns of their own.
   */
  stillTakenDown: boolean
}

/** An account that has a blob. For operators: no account may learn who else has its bytes. */
export interface BlobHolder {
  did: string
  mimeType: string
  /** In bytes. */
  size: number
  createdAt: Date
  /** Whether a record references it. */
  referenced: boolean
  /** Whether it is hidden, by a takedown of this account or of every account. */
  takenDown: boolean
  /** Whether the account is deleted: its blob is hidden, and kept only until it is forgotten. */
  deleted: boolean
}

/** Where the bytes of a CID are. */
export interface BlobLocation {
  /** The name of the backend. */
  backend: string
  key: string
  /** In bytes. */
  size: number
  /** When they were written or last verified; null if they were found damaged or missing. */
  verifiedAt: Date | null
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
  /** Bytes that running uploads have reserved: those of more than 1 MiB, or that a hook inspects. */
  reserved: number
  /**
   * Bytes that were the account's, until their delete delay is over; and what it uploaded twice, until no request can
   * still be running.
   */
  pending: number
}

export interface AccountEntry extends AccountUsage {
  did: string
  /** Whether the account is deleted: `deleteAccount` was called, and not `reopenAccount` since. */
  deleted: boolean
}

export interface StoreStats extends AccountUsage {
  /** How many have a blob, a running upload, or bytes that wait for deletion. */
  accounts: number
  /** What is stored: each CID once, however many accounts have it. Without what waits for deletion. */
  storedBytes: number
  storedCount: number
  /** Keys that wait for deletion. */
  doomedCount: number
  /** Blobs that wait for a moderator's decision. At most 10,000 are counted. */
  quarantinedCount: number
}

/** What one account may have. */
export interface AccountQuota {
  /** Bytes of its blobs, and what its running uploads have reserved. @default unlimited */
  bytes?: number | undefined
  /** Number of its blobs, and of its running uploads that have reserved space. @default unlimited */
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
