import { BlobStoreError, type BlobStoreErrorCode } from '../../errors.ts'
import { type Attempt, fileError } from '../files/file-error.ts'
import { errnoOf } from '../files/system-calls.ts'

interface Meaning {
  code?: BlobStoreErrorCode
  transient?: boolean
  /** The service says by it that nothing was stored: the same upload may be sent again under the same key. */
  nothingWasDone?: boolean
  text: string
}

const slowDown: Meaning = { transient: true, nothingWasDone: true, text: 'the service asks to slow down' }
const unreachable: Meaning = {
  transient: true,
  nothingWasDone: true,
  text: 'the service cannot be reached; is `endpoint` right, and is it up?',
}
const cut: Meaning = { transient: true, text: 'the connection was cut' }
const damagedOnTheWay: Meaning = {
  transient: true,
  nothingWasDone: true,
  text: 'the bytes that arrived were not those that were sent, and were refused',
}
const full: Meaning = { code: 'StorageFull', text: 'the service has no space left, or the quota is used up; raise it' }
const denied: Meaning = {
  text: 'permission denied; the credentials need to list the bucket, and to put, get and delete its objects',
}
const credentials: Meaning = { text: 'the service does not accept the credentials; look at access key and secret' }
const region: Meaning = { text: 'the bucket is in another region or at another endpoint; set `region` and `endpoint`' }

/** By the code in the service's answer, or that of the system call. */
const meanings: Record<string, Meaning> = {
  SlowDown: slowDown,
  Throttling: slowDown,
  ThrottlingException: slowDown,
  RequestLimitExceeded: slowDown,
  TooManyRequests: slowDown,
  TooManyRequestsException: slowDown,
  ServiceUnavailable: { ...slowDown, text: 'the service is not available at the moment' },
  RequestTimeout: { transient: true, nothingWasDone: true, text: 'the service waited for bytes in vain' },
  IncompleteBody: damagedOnTheWay,
  BadDigest: damagedOnTheWay,
  XAmzContentSHA256Mismatch: damagedOnTheWay,
  InternalError: { transient: true, text: 'the service failed inside' },
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: denied,
  Forbidden: denied,
  InvalidAccessKeyId: credentials,
  SignatureDoesNotMatch: { text: `${credentials.text}, and at proxies that change a request on its way` },
  ExpiredToken: credentials,
  InvalidToken: credentials,
  CredentialsProviderError: { text: 'there are no credentials; give `credentials`, or set them in the environment' },
  RequestTimeTooSkewed: { text: 'the clock of this machine, or of the service, is wrong' },
  NoSuchBucket: { text: 'there is no such bucket; create it' },
  PermanentRedirect: region,
  TemporaryRedirect: region,
  AuthorizationHeaderMalformed: region,
  QuotaExceeded: full,
  TooManyBuckets: full,
  XMinioStorageFull: full,
  EntityTooLarge: { text: 'the service takes no object of that size' },
  MissingContentLength: { text: 'something between here and the service takes the length of requests away' },
  InvalidRange: { code: 'InvalidRange', text: 'the range lies outside the blob' },
  ECONNREFUSED: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ECONNRESET: cut,
  EPIPE: cut,
  ERR_STREAM_PREMATURE_CLOSE: cut,
  ETIMEDOUT: { transient: true, text: 'the connection timed out' },
  TimeoutError: { transient: true, text: 'the connection timed out' },
  TooFewBytes: { transient: true, text: 'the answer ended too early' },
  TooManyBytes: { text: 'the service sends more bytes than it announced' },
  TimedOut: { transient: true, text: 'the service did not answer in time' },
}

/** Whether the same call may succeed later. */
export function isTransient(error: unknown): boolean {
  return meaningOf(error).transient ?? false
}

/** Whether it is certain that a request had no effect, now or later. */
export function nothingWasDone(error: unknown): boolean {
  return meaningOf(error).nothingWasDone ?? false
}

/** The status of the answer, if there was one. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode
}

/** The code of the service's answer, else that of the system call, else the name of the error. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Unknown'
  const { code, name } = error as Error & { code?: unknown }
  return statusOf(error) === undefined && typeof code === 'string' ? code : name
}

/** Not there; but a bucket that is not there says nothing of its objects. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && codeOf(error) !== 'NoSuchBucket'
}

/** An answer that no service should give. The message says what is wrong with it. */
export class OddAnswer extends Error {
  override readonly name = 'OddAnswer'
}

/** The library's error for the SDK's, or for that of a system call on a spool file. The library's own pass as they are. */
export function s3Error(error: unknown, attempt: Attempt): unknown {
  if (error instanceof BlobStoreError) return error
  if (isFileError(error)) return fileError(error, attempt)
  const { verb, backend, cid } = attempt
  const { code = 'StorageFailed', transient = false, text } = meaningOf(error)
  const status = statusOf(error)
  const short = status === undefined ? codeOf(error) : `${codeOf(error)}, ${status}`
  return new BlobStoreError(code, `Cannot ${verb}: ${text} (${short})`, {
    ...{ backend, cid, transient },
    cause: new RequestFailure(error),
  })
}

/**
 * What may be logged of the SDK's error. The error itself holds requests and answers, and in some of these stand the
 * access key and what was signed.
 */
class RequestFailure extends Error {
  readonly code: string
  readonly status: number | undefined
  readonly requestId: string | undefined

  constructor(error: unknown) {
    const status = statusOf(error)
    super(status === 403 || !(error instanceof Error) ? codeOf(error) : error.message.slice(0, 300))
    this.name = 'S3RequestFailure'
    this.code = codeOf(error)
    this.status = status
    this.requestId = (error as { $metadata?: { requestId?: string } }).$metadata?.requestId
  }
}

function meaningOf(error: unknown): Meaning {
  if (error instanceof OddAnswer) return { text: error.message }
  const code = codeOf(error)
  const known = Object.hasOwn(meanings, code) ? meanings[code] : undefined
  return known ?? meaningOfStatus(statusOf(error)) ?? (isCut(error) ? cut : { text: 'the service refused' })
}

function meaningOfStatus(status: number | undefined): Meaning | undefined {
  if (status === undefined) return undefined
  if (status === 429) return slowDown
  if (status === 507) return full
  if (status === 403) return denied
  if (status === 401) return credentials
  if (status === 301 || status === 307) return region
  if (status === 501) return { text: 'the service does not know such a request' }
  return status >= 500 ? { transient: true, text: 'the service failed' } : undefined
}

/** Node's error for a socket that closed before the answer has a message, and at times no code. */
function isCut(error: unknown): boolean {
  return error instanceof Error && /socket hang up|aborted/.test(error.message)
}

/** Of a system call on a file, as opposed to one on a socket. */
function isFileError(error: unknown): boolean {
  return errnoOf(error) !== undefined && !Object.hasOwn(meanings, codeOf(error))
}
