import type { BackendFile, ByteRange, CallOptions } from '../backend/backend.ts'
import type { BlobCid, CidLike } from '../blob/cid.ts'
import type { BlobGrant } from '../blob/grants.ts'
import type { SpaceUri } from '../blob/spaces.ts'
import type { HostTransaction } from '../metadata/host-database.ts'
import type { AccountQuota, BlobStat, BlobViewer, DifferingClaim } from '../metadata/types.ts'

// Arguments and results of the store's methods.

export interface QueryOptions extends CallOptions {
  /** The host's transaction to run in. Required inside a transaction, because SQLite has a single connection. */
  trx?: HostTransaction | undefined
}

/**
 * The limits of one upload. They narrow the limits of the store and never widen them: both apply. They also apply with
 * `enforceLimits: false`.
 */
export interface UploadLimits {
  /**
   * Patterns, one of which must match the type under which the blob is stored, and the sniffed one: a video that is
   * declared as image/png is a video. Otherwise `InvalidMimeType`. @default any that the store accepts
   */
  accept?: readonly string[] | undefined
  /** In bytes, inclusive; more is `PayloadTooLarge`, as soon as it is known. @default `maxBlobSize` of the store */
  maxSize?: number | undefined
  /** What the account may have; the lower number of this and the store's quota applies. @default the quota of the store */
  quota?: AccountQuota | undefined
  /**
   * What the client was granted (`blobGrants` reads it from the scope of its token): one of the grants must allow the
   * type, as `accept` does, and the size. Otherwise `ScopeMissing`, so that the client knows that another grant would
   * help. An empty list allows nothing. @default everything
   */
  grants?: readonly BlobGrant[] | undefined
}

export interface UploadOptions extends CallOptions, UploadLimits {
  /** The declared type, such as a Content-Type header. An invalid type, or a range, declares none. @default none */
  mimeType?: string | undefined
  /** A file name to take the declared type from if `mimeType` declares none: `cat.jpg`. Not stored. */
  fileName?: string | undefined
  /** The declared size in bytes; any other is `InvalidSize`. @default any, up to the limit */
  size?: number | undefined
  /** The CID that the bytes must have, for a copy of a known blob; other bytes are `CidMismatch`. @default any */
  cid?: CidLike | undefined
  /** When the account first had the blob, for a blob from elsewhere. @default now */
  createdAt?: Date | undefined
  /**
   * False for a host that enforces its own limits: the store's limits of size, type, quota and concurrent uploads do not
   * apply then. The times, and the limits of this call, still apply.
   * @default true
   */
  enforceLimits?: boolean | undefined
  /**
   * False: the store's option `privacy` does not apply. It never does if `cid` is given: other bytes would have another.
   * @default as the store's option says
   */
  privacy?: false | undefined
  /**
   * What to do with bytes whose CID is taken down. `refuse`: the upload fails with `BlobTakenDown`. `store`: they are
   * stored, and hidden as long as the takedown lasts; also for copies of what another server has taken down.
   * @default 'refuse'
   */
  takenDown?: 'refuse' | 'store' | undefined
}

/**
 * What a commit does to one record. References are found in `record`, unless `blobs` gives them. `create` and `update`
 * are the same: both replace what the record referenced before. `uri` says where the record is, and so who sees its
 * blobs through it: `at://{did}/{collection}/{rkey}` is public,
 * `at://{spaceDid}/space/{spaceType}/{skey}/{did}/{collection}/{rkey}` is in a space. The collection is an NSID and the
 * key a record key, or the write is refused. Only a `delete`, and an import with `missing: 'expect'`, may name a public
 * record in any other way, because repositories and stores may already contain one.
 */
export type RecordWrite =
  | { action: 'create' | 'update'; uri: string; record: unknown; blobs?: never }
  | { action: 'create' | 'update'; uri: string; blobs: readonly RecordBlob[]; record?: never }
  | { action: 'delete'; uri: string }

export interface AppliedWrites {
  /** False if `onlyIf` did not hold: then nothing was written. */
  applied: boolean
  /** Blobs that lost their last public reference: purge them from caches once it is committed. */
  hidden: BlobCid[]
  /** Blobs that lost their last reference in a space: from now on its members do not see them through it. */
  hiddenInSpaces: HiddenInSpace[]
  /** With `missing: 'expect'`: references to blobs that the account holds with another type or size. At most 100. */
  differing: DifferingClaim[]
}

export interface HiddenInSpace {
  space: SpaceUri
  cid: BlobCid
}

/** A reference, and what the record's Lexicon requires of it. */
export interface RecordBlob {
  ref: unknown
  /** Patterns such as `image/*`. @default any */
  accept?: readonly string[] | undefined
  /** In bytes, inclusive. @default any */
  maxSize?: number | undefined
}

export interface ApplyWritesOptions extends QueryOptions {
  /** The repository revision of the commit, a TID; `listPublic({ since })` and `listSpace` compare it. */
  rev: string
  /**
   * For writes to several repositories at once, because an account has one for each space: the revisions of those in
   * spaces, by the space's URI. `rev` is then that of all others.
   * @default `rev` for all
   */
  spaceRevs?: Readonly<Record<SpaceUri, string>> | undefined
  /**
   * `reject`: a reference to a blob that the account does not hold is an error, as for a client's write. `expect`: the
   * reference is kept, and `listMissing` lists it until the blob is uploaded, as an import of a repository needs. The
   * CID proves the bytes: the record references the blob whatever type and size it claims, and the claim is kept. A
   * blob that no record references yet takes its type from the first record, by revision, that gives one. References of
   * the legacy form, and broken ones whose link names a blob, are accepted; takedowns and the Lexicon's constraints do
   * not reject.
   * @default 'reject'
   */
  missing?: 'reject' | 'expect' | undefined
  /**
   * Writes only if exactly these records reference the blob, as `recordsFor` returned them, so that what was read
   * before is still true. Otherwise nothing is written, and `applied` is false.
   * @default always
   */
  onlyIf?: { cid: CidLike; recordUris: readonly string[] } | undefined
}

export interface StatOptions extends QueryOptions {
  /** @default 'public' */
  as?: BlobViewer | undefined
  /**
   * Answers for the account's records in this space, and for no others: the blob is found if one of them references it.
   * The host decides whether the caller may see the space. `as: 'moderator'` also sees there what was taken down.
   * @default public records; for `account` and `moderator`, any record, or none
   */
  space?: SpaceUri | undefined
}

export interface ReadOptions extends StatOptions {
  /**
   * Hashes the bytes while they are sent. The last ones are held back until the hash is known; if it is wrong, the body
   * fails with `BlobDamaged`, and the next upload of the CID repairs the blob. Only for whole blobs: a range cannot be
   * verified.
   * @default false
   */
  verify?: boolean | undefined
  /**
   * Both ends inclusive; an `end` past the last byte means the last byte. Or a function that gets the size in bytes and
   * returns the range, or undefined for the whole blob; if it throws, `read` rejects with its error. @default the whole
   * blob
   */
  range?: ByteRange | ((size: number) => ByteRange | undefined) | undefined
}

export interface PresignBlobOptions extends StatOptions {
  /** How long the address is valid, in seconds, 1 to 60: a takedown cannot revoke it. @default 60 */
  expiresIn?: number | undefined
}

/** A blob, and an address where else to get it. */
export interface PresignedBlob extends BlobStat {
  /** Null if the backend that holds it has no addresses: the disk, while blobs move from it to S3. */
  readonly url: string | null
}

export interface BlobReading extends BlobStat {
  /** The range that `body` holds; absent for the whole blob. */
  range?: ByteRange
  /**
   * The file that holds the bytes, for a proxy that sends it in the place of this process. Absent if they are no file,
   * or are in memory already (below 256 KiB).
   */
  readonly file?: BackendFile
  /** The bytes; can be read once. */
  readonly body: ReadableStream<Uint8Array>
  /**
   * The same bytes, readable once, without a web stream: faster, but a chunk is valid only until the next is requested.
   */
  readonly chunks: AsyncIterableIterator<Uint8Array>
  /** All bytes, read into memory. */
  bytes(): Promise<Uint8Array>
}

export interface PageOptions extends QueryOptions {
  /** 1 to 1000. @default 500 */
  limit?: number | undefined
  /** The cursor that the previous page returned; opaque. @default from the start */
  cursor?: string | undefined
}

export interface RepositoryOptions extends QueryOptions {
  /** Only for the account's repository in this space; null for its public one. @default all of them */
  space?: SpaceUri | null | undefined
}

export interface ListMissingOptions extends PageOptions, RepositoryOptions {}

export interface ListBlobsOptions extends PageOptions {
  /** Only blobs that a record written after this revision references. */
  since?: string | undefined
}

export interface TakedownOptions extends QueryOptions {
  /** The moderator's own note, such as a case number. At most 1000 characters. @default none */
  ref?: string | undefined
  /** Who requested it. At most 300 characters. @default none */
  by?: string | undefined
}

export interface ReversalOptions extends QueryOptions {
  /** Only if the blob is quarantined, so that a takedown by a moderator meanwhile stands. @default false */
  onlyQuarantined?: boolean | undefined
}

export interface ListTakedownsOptions extends PageOptions {
  /** Only takedowns of this CID: of accounts, and of all (`*`). They are ordered by account. @default all, by time */
  cid?: CidLike | undefined
  /**
   * True for those that wait for a moderator's decision, because an inspection made them; false for all others.
   * @default both
   */
  quarantined?: boolean | undefined
}

export interface RecordsForOptions extends QueryOptions {
  /** At most this many. @default all of them */
  limit?: number | undefined
}
