import { type BlobStoreErrorCode, isBlobStoreError } from '../errors.ts'
import { isXrpcError, XrpcError } from './errors.ts'

interface Row {
  status: number
  /** The XRPC name; the Lexicon's own if it has one. */
  error: string
  /** The message for the client. Absent: the error's own message, which is only about what the client sent. */
  message?: string
  /** When to retry, in seconds. @default 1 for an error that is `transient`, otherwise never */
  retryAfter?: number
}

const failed: Row = { status: 500, error: 'InternalServerError', message: 'Internal Server Error' }
const busy: Row = { status: 503, error: 'NotEnoughResources', message: 'The server is busy, try again', retryAfter: 1 }
/** Too many unfinished resumable uploads: waiting a moment does not help, and the error's message says what does. */
const unfinished: Row = { status: 429, error: 'RateLimitExceeded' }
const invalid: Row = { status: 400, error: 'InvalidRequest' }

/**
 * How each error of the store is returned to a client.
 *
 * A blob that does not exist, is not referenced, was taken down or belongs to another account gets the same response:
 * 404, which caches and browsers understand, with the Lexicon's name, by which XRPC clients distinguish errors. (The
 * reference PDS answers 400 `InvalidRequest`.)
 */
const table: Record<BlobStoreErrorCode, Row> = {
  BlobNotFound: { status: 404, error: 'BlobNotFound', message: 'Blob not found' },
  BlobTakenDown: { status: 400, error: 'BlobTakenDown', message: 'Blob has been taken down' },
  PayloadTooLarge: { status: 413, error: 'PayloadTooLarge' },
  InvalidMimeType: { status: 400, error: 'InvalidMimeType' },
  ScopeMissing: { status: 403, error: 'ScopeMissingError' }, // as the reference PDS names it
  InvalidSize: { status: 400, error: 'InvalidSize' },
  InvalidCid: invalid,
  CidMismatch: invalid,
  InvalidDid: invalid,
  InvalidArgument: invalid,
  InvalidBlobRef: invalid,
  InvalidRange: { status: 416, error: 'InvalidRange', message: 'The range lies outside the blob' },
  UploadTimeout: {
    status: 408,
    error: 'UploadTimeout',
    message: 'The upload was silent for too long, or took too long',
  },
  UploadInterrupted: { status: 400, error: 'InvalidRequest', message: 'The upload ended early' },
  UploadExpired: busy,
  UploadNotFound: { status: 404, error: 'UploadNotFound' },
  UploadOffsetMismatch: { status: 409, error: 'UploadOffsetMismatch' },
  UploadBusy: { status: 409, error: 'UploadBusy' },
  QuotaExceeded: { status: 400, error: 'QuotaExceeded' },
  TooManyUploads: {
    status: 429,
    error: 'RateLimitExceeded',
    message: 'Too many uploads at once, try again',
    retryAfter: 1,
  },
  BlobRefused: { status: 400, error: 'BlobRefused' },
  PrivateData: { status: 400, error: 'PrivateData' },
  InspectionFailed: busy,
  AccountDeleted: { status: 400, error: 'AccountDeleted', message: 'The account has been deleted' },
  ImageRefused: { status: 400, error: 'ImageRefused' },
  ImagesBusy: busy,
  ImagesFailed: failed,
  StorageFull: { status: 507, error: 'StorageFull', message: 'The server has no space left for blobs' },
  MetadataBusy: busy,
  StoreClosed: busy,
  StorageFailed: failed,
  ReadTimeout: failed,
  BlobMissing: failed,
  BlobDamaged: failed,
  MetadataFailed: failed,
  MetadataUnsafe: failed,
  MetadataOutdated: failed,
  StoreMismatch: failed,
  StoreRestored: failed,
}

/**
 * The HTTP status of each code, as the blob routes answer it. A code with 500 is 503 if the error is `transient`:
 * {@link statusOf} knows that.
 */
export const httpStatuses: Readonly<Record<BlobStoreErrorCode, number>> = Object.freeze(
  Object.fromEntries(Object.entries(table).map(([code, { status }]) => [code, status])) as Record<
    BlobStoreErrorCode,
    number
  >,
)

/**
 * The HTTP status for an error, as the blob routes answer it: of a `BlobStoreError` that of its code, 503 instead of 500
 * if it is `transient`; of an `XrpcError` its own; 500 for anything else. For an XRPC response with a name and a message,
 * there is {@link toXrpcError}.
 *
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { statusOf } from 'pds-blobstore/http'
 *
 * async function avatar(blobs: BlobStore, did: string, cid: string): Promise<Response> {
 *   try {
 *     const { body, mimeType } = await blobs.read(did, cid)
 *     return new Response(body, { headers: { 'content-type': mimeType, 'content-security-policy': 'sandbox' } })
 *   } catch (error) {
 *     return new Response(null, { status: statusOf(error) })
 *   }
 * }
 * ```
 */
export const statusOf = (error: unknown): number => toXrpcError(error).status

/**
 * Turns any error into the response for a client, as the blob routes answer it: status, XRPC name, message, headers
 * (Retry-After). Passes an {@link XrpcError} on. An error that is not of the store's codes, or is the server's own
 * failure, reveals nothing: 500 `InternalServerError`.
 *
 * @example
 * ```ts
 * import type { Logger } from 'pds-blobstore'
 * import { toXrpcError } from 'pds-blobstore/http'
 *
 * function responseTo(failure: unknown, logger: Logger): Response {
 *   const { status, error, message, headers } = toXrpcError(failure)
 *   if (status >= 500) logger.error({ err: failure }, 'A request failed')
 *   return Response.json({ error, message }, { status, headers: { ...headers } })
 * }
 * ```
 */
export function toXrpcError(error: unknown): XrpcError {
  if (isXrpcError(error) && error.status >= 400 && error.status <= 599) return error
  const row = rowOf(error)
  const message = row.message ?? (error as Error).message
  const retryAfter = row.retryAfter ?? (isBlobStoreError(error) && error.transient ? 1 : undefined)
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  return new XrpcError(row.status, row.error, message, headers)
}

function rowOf(error: unknown): Row {
  if (!isBlobStoreError(error)) return failed
  if (error.code === 'TooManyUploads' && !error.transient) return unfinished
  const row = table[error.code] ?? failed // a newer copy of this package may have more codes
  return row === failed && error.transient ? busy : row
}
