/**
 * What went wrong, as a closed list. Where the AT Protocol's Lexicons name an error, the code is that name.
 *
 * | code | when |
 * |---|---|
 * | `BlobNotFound` | no such blob, or not visible to who asks |
 * | `BlobTakenDown` | a moderator has taken it down: it cannot be uploaded or referenced |
 * | `PayloadTooLarge` | more bytes than the limit |
 * | `InvalidMimeType` | not accepted, or not what the bytes are |
 * | `ScopeMissing` | the client was granted no upload of this type or size |
 * | `InvalidSize` | the size declared or referenced is not the size of the bytes |
 * | `InvalidCid` `InvalidDid` `InvalidBlobRef` | malformed |
 * | `CidMismatch` | the bytes are not those of the CID that was given for them |
 * | `InvalidRange` | the range lies outside the blob |
 * | `InvalidArgument` | an invalid option or argument |
 * | `UploadTimeout` | no byte for too long, too few in a minute, or the whole took too long |
 * | `UploadInterrupted` | the source failed before its end (`cause` is its error) |
 * | `UploadExpired` | its lease was over before it was done; nothing was promised, try again |
 * | `QuotaExceeded` | the account has, or is uploading, as much as it may |
 * | `TooManyUploads` | too many at once; try again |
 * | `BlobRefused` | the host's inspection refused it |
 * | `InspectionFailed` | the host's inspection threw, or took too long; nothing was promised, try again |
 * | `AccountDeleted` | the account's blobs have been deleted |
 * | `ImageRefused` | no image can be made of the blob: another type, damaged, or larger than the limits |
 * | `ImagesBusy` | as many images as may wait are waiting to be made; try again |
 * | `ImagesFailed` | images cannot be made here: sharp is missing, or its process does not start |
 * | `StorageFull` | no space, inodes or quota on the device |
 * | `StorageFailed` | the backend failed otherwise |
 * | `ReadTimeout` | an open blob was not read for too long, and was closed; read it again |
 * | `BlobMissing` | the database names bytes that the backend does not have |
 * | `BlobDamaged` | the bytes are not those that were stored |
 * | `MetadataBusy` | the database was locked, or its connection in use, for too long |
 * | `MetadataFailed` | the database failed otherwise |
 * | `MetadataUnsafe` | acknowledged blobs would be lost: the database's settings are wrong, or its SQLite file has lost its locks |
 * | `MetadataOutdated` | the database's tables are not those of this version |
 * | `StoreMismatch` | this backend belongs to another database, or another one has bytes too |
 * | `StoreRestored` | the database is older than the bytes: nothing is deleted until it is recovered |
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
  | 'QuotaExceeded'
  | 'TooManyUploads'
  | 'BlobRefused'
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
  /** The same call may succeed when it is made again. @default false */
  transient?: boolean | undefined
  cause?: unknown
}

const brand = Symbol.for('pds-blobstore.error')

/**
 * The only error class of the library. Its message says what failed, on what, and what to do; it never holds
 * bytes or credentials. Test for it with {@link isBlobStoreError}: two copies of a package in one host are normal.
 */
export class BlobStoreError extends Error {
  override readonly name = 'BlobStoreError'
  readonly code: BlobStoreErrorCode
  readonly cid: string | undefined
  readonly did: string | undefined
  readonly backend: string | undefined
  readonly transient: boolean

  constructor(code: BlobStoreErrorCode, message: string, details: BlobStoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.cid = details.cid
    this.did = details.did
    this.backend = details.backend
    this.transient = details.transient ?? false
    Object.defineProperty(this, brand, { value: true })
  }
}

/**
 * Whether `error` is the library's, and of that `code` if one is given.
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
