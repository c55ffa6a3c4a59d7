/**
 * What went wrong, as a closed list. Where the AT Protocol's Lexicons name an error, the code is that name.
 *
 * | code | when |
 * |---|---|
 * | `BlobNotFound` | no such blob, or not visible to the viewer |
 * | `BlobTakenDown` | a moderator has taken it down: it cannot be uploaded or referenced |
 * | `PayloadTooLarge` | more bytes than the limit |
 * | `InvalidMimeType` | the type is not accepted, or does not match the bytes |
 * | `ScopeMissing` | the client was granted no upload of this type or size |
 * | `InvalidSize` | the size declared or referenced is not the size of the bytes |
 * | `InvalidCid` `InvalidDid` `InvalidBlobRef` | malformed |
 * | `CidMismatch` | the bytes do not match the CID that was given for them |
 * | `InvalidRange` | the range lies outside the blob |
 * | `InvalidArgument` | an invalid option or argument |
 * | `UploadTimeout` | no byte for too long, too few in a minute, or the whole took too long |
 * | `UploadInterrupted` | the source failed before its end (`cause` is its error) |
 * | `UploadExpired` | its lease ended before the upload did; nothing was stored, retry |
 * | `UploadNotFound` | no such resumable upload of this account, or it has ended or expired |
 * | `UploadOffsetMismatch` | the bytes do not continue what has arrived (`offset` bytes) |
 * | `UploadBusy` | another request finishes this resumable upload; ask for its state |
 * | `QuotaExceeded` | the account has, or is uploading, as much as it may |
 * | `TooManyUploads` | too many at once; retry. Not `transient`: too many unfinished resumable ones |
 * | `BlobRefused` | the host's inspection refused it |
 * | `PrivateData` | the file contains private data, or cannot be searched for it, and the store's option `privacy` refuses that |
 * | `InspectionFailed` | the host's inspection threw, or took too long; nothing was stored, retry |
 * | `AccountDeleted` | the account's blobs were deleted |
 * | `ImageRefused` | the blob cannot be turned into an image: another type, damaged, or larger than the limits |
 * | `ImagesBusy` | the queue of waiting images is full; retry |
 * | `ImagesFailed` | images cannot be generated: sharp is missing, or its process does not start |
 * | `StorageFull` | no space, inodes or quota on the device |
 * | `StorageFailed` | another failure of the backend |
 * | `ReadTimeout` | an open blob was not read for too long, and was closed; read it again |
 * | `BlobMissing` | the database names bytes that the backend does not have |
 * | `BlobDamaged` | the bytes differ from those that were stored |
 * | `MetadataBusy` | the database was locked, or its connection in use, for too long |
 * | `MetadataFailed` | another failure of the database |
 * | `MetadataUnsafe` | acknowledged blobs would be lost: the database's settings are wrong, or its SQLite file has lost its locks |
 * | `MetadataOutdated` | the database's tables are not those of this version |
 * | `StoreMismatch` | this backend belongs to another database, or another backend also has bytes |
 * | `StoreRestored` | the database is older than the bytes: nothing is deleted until `recover` |
 * | `StoreClosed` | `close()` was called |
 */
export type BlobStoreErrorCode =
  | 'BlobNotFound'
  | 'BlobTakenDown'
  | 'PayloadTooLarge'
  | 'InvalidMimeType'
  | 'ScopeMissing'
  | 'InvalidSize'
  | 'InvalidCid'
  | 'InvalidDid'
  | 'InvalidBlobRef'
  | 'CidMismatch'
  | 'InvalidRange'
  | 'InvalidArgument'
  | 'UploadTimeout'
  | 'UploadInterrupted'
  | 'UploadExpired'
  | 'UploadNotFound'
  | 'UploadOffsetMismatch'
  | 'UploadBusy'
  | 'QuotaExceeded'
  | 'TooManyUploads'
  | 'BlobRefused'
  | 'PrivateData'
  | 'InspectionFailed'
  | 'AccountDeleted'
  | 'ImageRefused'
  | 'ImagesBusy'
  | 'ImagesFailed'
  | 'StorageFull'
  | 'StorageFailed'
  | 'ReadTimeout'
  | 'BlobMissing'
  | 'BlobDamaged'
  | 'MetadataBusy'
  | 'MetadataFailed'
  | 'MetadataUnsafe'
  | 'MetadataOutdated'
  | 'StoreMismatch'
  | 'StoreRestored'
  | 'StoreClosed'

export interface BlobStoreErrorDetails {
  cid?: string | undefined
  did?: string | undefined
  /** The name of the backend that failed. */
  backend?: string | undefined
  /** How many bytes of a resumable upload have arrived. */
  offset?: number | undefined
  /** The same call may succeed later. @default false */
  transient?: boolean | undefined
  cause?: unknown
}

const brand = Symbol.for('pds-blobstore.error')

/**
 * The only error class of the library. Its message says what failed, on what, and what to do; it never contains bytes
 * or credentials. Test for it with {@link isBlobStoreError}: a host may have two copies of the package.
 */
export class BlobStoreError extends Error {
  override readonly name = 'BlobStoreError'
  readonly code: BlobStoreErrorCode
  readonly cid: string | undefined
  readonly did: string | undefined
  readonly backend: string | undefined
  readonly offset: number | undefined
  readonly transient: boolean

  constructor(code: BlobStoreErrorCode, message: string, details: BlobStoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.cid = details.cid
    this.did = details.did
    this.backend = details.backend
    this.offset = details.offset
    this.transient = details.transient ?? false
    Object.defineProperty(this, brand, { value: true })
  }
}

/**
 * Whether `error` is the library's and, if a code is given, has that code.
 *
 * @example
 * ```ts
 * import { isBlobStoreError } from 'pds-blobstore'
 *
 * const status = (error: unknown) => (isBlobStoreError(error, 'BlobNotFound') ? 404 : 500)
 * ```
 */
export function isBlobStoreError(error: unknown, code?: BlobStoreErrorCode): error is BlobStoreError {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false
  return code === undefined || (error as { code?: unknown }).code === code
}
