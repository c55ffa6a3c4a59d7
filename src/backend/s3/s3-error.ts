import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import { isError } from '../../shapes.ts'
import { type Attempt, fileError } from '../files/file-error.ts'
import { markUnsure } from '../unsure.ts'
import { codeOf, meaningOf, statusOf } from './meanings.ts'

/** Whether the same call may succeed later. */
export function isTransient(error: unknown): boolean {
  return meaningOf(error).transient ?? false
}

/** Whether it is certain that a request had no effect, now or later. */
export function nothingWasDone(error: unknown): boolean {
  return meaningOf(error).nothingWasDone ?? false
}

/**
 * Not there, by the service's own word. A bucket that is not there says nothing of its objects, and the 404 of a proxy
 * on the way says nothing at all: bytes that it hides would count as deleted.
 */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && ['NoSuchKey', 'NoSuchUpload'].includes(codeOf(error))
}

/** An answer that no service should give. The message says what is wrong with it. */
export class OddAnswer extends Error {
  override readonly name = 'OddAnswer'
}

/** There was nothing to sign a request with, so it was not sent. */
export class NoCredentials extends Error {
  override readonly name = 'NoCredentials'
}

/** What failed was a spool file: the errors of sockets, which have the same codes, are those of requests. */
export class SpoolFailure extends Error {
  override readonly name = 'SpoolFailure'
}

/** Runs what is done with files, apart from what is done with the service. */
export async function onDisk<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new SpoolFailure('A spool file failed', { cause })
  }
}

/** The library's error for the SDK's, or for that of a spool file. The library's own pass as they are. */
export function s3Error(error: unknown, attempt: Attempt): unknown {
  if (isBlobStoreError(error)) return error
  if (codeOf(error) === 'SpoolFailure') return fileError((error as Error).cause, attempt)
  const { verb, backend, cid } = attempt
  const { code = 'StorageFailed', transient = false, unsure = false, text } = meaningOf(error)
  const status = statusOf(error)
  const short = status === undefined ? codeOf(error) : `${codeOf(error)}, ${status}`
  const explained = new BlobStoreError(code, `Cannot ${verb}: ${text} (${short})`, {
    ...{ backend, cid, transient },
    cause: new RequestFailure(error),
  })
  if (unsure) markUnsure(explained)
  return explained
}

/**
 * What may be logged of the SDK's error. The error itself holds requests and answers, and in some of these stand the
 * access key and what was signed.
 */
class RequestFailure extends Error {
  override readonly name = 'S3RequestFailure'
  readonly code: string
  readonly status: number | undefined
  readonly requestId: string | undefined

  constructor(error: unknown) {
    const status = statusOf(error)
    super(status === 403 || !isError(error) ? codeOf(error) : error.message.slice(0, 300))
    this.code = codeOf(error)
    this.status = status
    this.requestId = (error as { $metadata?: { requestId?: string } } | undefined)?.$metadata?.requestId
  }
}
