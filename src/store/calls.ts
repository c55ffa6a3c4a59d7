import type { ByteRange, CallOptions } from '../backend/backend.ts'
import type { BlobCid, CidLike } from '../blob/cid.ts'
import type { BlobGrant } from '../blob/grants.ts'
import type { HostTransaction } from '../metadata/host-database.ts'
import type { AccountQuota, BlobStat, BlobViewer, DifferingClaim } from '../metadata/types.ts'

// What the store's methods take and give.

export interface QueryOptions extends CallOptions {
  /** The host's transaction to run in; required inside one, since SQLite has a single connection. */
  trx?: HostTransaction | undefined
}

/**
 * The limits of one upload. They narrow the limits of the store and never widen them: each of them must hold. They hold with
 * `enforceLimits: false` too.
 */
export interface UploadLimits {
  /**
   * Patterns, one of which must match the type under which the blob is stored, and what its bytes are: a video that is declared
   * as image/png is a video. Else `InvalidMimeType`. @default any that the store accepts
   */
  accept?: readonly string[] | undefined
  /** In bytes, inclusive; more is `PayloadTooLarge`, as soon as it is known. @default `maxBlobSize` of the store */
  maxSize?: number | undefined
  /** What the account may have; of this and the quota of the store the lower number holds. @default the quota of the store */
  quota?: AccountQuota | undefined
  /**
   * What the client was granted (`blobGrants` reads it from the scope of its token): one of the grants must allow the type, as
   * `accept` does, and the size. Else `ScopeMissing`, so that the client knows that another grant would help. An empty list
   * allows nothing. @default everything
   */
  grants?: readonly BlobGrant[] | undefined
}

export interface UploadOptions extends CallOptions, UploadLimits {
  /** The declared type, such as a Content-Type as it came. What is no MIME type, or a range, declares none. @default none */
  mimeType?: string | undefined
  /** A name to take the declared type from when `mimeType` declares none: `cat.jpg`. Not kept. */
  fileName?: string | undefined
  /** The declared size in bytes; anything else that arrives is `InvalidSize`. @default any, up to the limit */
  size?: number | undefined
  /** The CID that the bytes must have, for a copy of what is known; other bytes are `BlobDamaged`. @default any */
  cid?: CidLike | undefined
  /** When the account first had the blob, for one that comes from elsewhere. @default now */
  createdAt?: Date | undefined
  /**
   * False for a host that enforces limits of its own: the store's limits of size, type, quota and uploads at once then do not
   * hold. The times, and the limits of this call, hold all the same.
   * @default true
   */
  enforceLimits?: boolean | undefined
  /**
   * What becomes of bytes whose CID is taken down. `refuse`: the upload fails with `BlobTakenDown`. `store`: they are taken
   * in, and stay hidden as long as the takedown stands: for copies of what another server has taken down, too.
   * @default 'refuse'
   */
  takenDown?: 'refuse' | 'store' | undefined
}

/**
 * What a commit does to one record. References are found in `record`, unless `blobs` gives them. `create` and `update`
 * are one: both replace what the record named before. `scope` says who sees the blobs by this record, see
 * `StatOptions.scopes`; it is `public` unless given.
 */
export type RecordWrite =
  | { action: 'create' | 'update'; uri: string; record: unknown; scope?: string | undefined; blobs?: never }
  | {
      action: 'create' | 'update'
      uri: string
      blobs: readonly RecordBlob[]
      scope?: string | undefined
      record?: never
    }
  | { action: 'delete'; uri: string }

export interface AppliedWrites {
  /** False when `onlyIf` did not hold: then nothing was written. */
  applied: boolean
  /** Blobs that lost their last public reference: to be purged from caches once it is committed. */
  hidden: BlobCid[]
  /** With `missing: 'expect'`: references to blobs that are held with another type or size. At most 100. */
  differing: DifferingClaim[]
}

/** A reference with what the record's Lexicon demands of it. */
export interface RecordBlob {
  ref: unknown
  /** Patterns such as `image/*`. @default any */
  accept?: readonly string[] | undefined
  /** In bytes, inclusive. @default any */
  maxSize?: number | undefined
}

export interface ApplyWritesOptions extends QueryOptions {
  /** The repository revision of the commit, a TID; what `listPublic({ since })` compares. */
  rev: string
  /**
   * `reject`: a reference to a blob that the account does not hold is an error, as for a client's write.
   * `expect`: it is kept and listed by `listMissing` until the blob is uploaded, as an import of a repository needs. The
   * CID proves the bytes: whatever the record says of type and size, it references the blob, and what it says is kept.
   * A blob that no record names yet takes its type from the first, by revision, that gives one. References of the legacy form,
   * and broken ones whose link names a blob, are accepted; neither takedowns nor the Lexicon's constraints reject.
   * @default 'reject'
   */
  missing?: 'reject' | 'expect' | undefined
  /**
   * Writes only if exactly these records reference the blob, as `recordsFor` gave them: so that what was read before is
   * still true. Else nothing is written, and `applied` is false.
   * @default always
   */
  onlyIf?: { cid: CidLike; recordUris: readonly string[] } | undefined
}

export interface StatOptions extends QueryOptions {
  /** @default 'public' */
  as?: BlobViewer | undefined
  /**
   * Scopes whose references show a blob to who asks, besides `public`: what the host has found them to be allowed.
   * @default none
   */
  scopes?: readonly string[] | undefined
}

export interface ReadOptions extends StatOptions {
  /**
   * Hashes the bytes on their way out. The last ones are held back until the hash was right; else the body fails with
   * `BlobDamaged`, and the next upload of the CID heals it. Only for whole blobs: a range cannot be verified.
   * @default false
   */
  verify?: boolean | undefined
  /**
   * Both ends inclusive; an `end` past the last byte means the last byte. Or a function that gives the range when the size, in
   * bytes, is known, and undefined for the whole blob; what it throws, `read` rejects with. @default the whole blob
   */
  range?: ByteRange | ((size: number) => ByteRange | undefined) | undefined
}

export interface PresignBlobOptions extends StatOptions {
  /** For how long the address is valid, in seconds, 1 to 60: a takedown cannot call it back. @default 60 */
  expiresIn?: number | undefined
}

/** A blob, and where else it can be had. */
export interface PresignedBlob extends BlobStat {
  /** Null when the backend that holds it has no addresses: the disk, while blobs move from it to S3. */
  readonly url: string | null
}

export interface BlobReading extends BlobStat {
  /** What `body` holds; absent when it is the whole blob. */
  range?: ByteRange
  /** The bytes, once. */
  readonly body: ReadableStream<Uint8Array>
  /** The same bytes, once, past the web stream: quicker, but a chunk is valid only until the next is asked for. */
  readonly chunks: AsyncIterableIterator<Uint8Array>
  /** All of them, read into memory. */
  bytes(): Promise<Uint8Array>
}

export interface PageOptions extends QueryOptions {
  /** 1 to 1000. @default 500 */
  limit?: number | undefined
  /** What the page before gave; opaque. @default from the start */
  cursor?: string | undefined
}

export interface ListBlobsOptions extends PageOptions {
  /** As in `StatOptions`. @default none */
  scopes?: readonly string[] | undefined
  /** Only blobs that a record written after this revision references. */
  since?: string | undefined
}

export interface TakedownOptions extends QueryOptions {
  /** The moderator's own note, such as a case number. */
  ref?: string | undefined
}
