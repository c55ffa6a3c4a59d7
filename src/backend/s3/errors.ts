import { isError } from '../../shapes.ts'
import type { ErrorClass } from '../remote/errors.ts'

const slowDown: ErrorClass = { transient: true, notApplied: true, text: 'the service asks to slow down' }
const unreachable: ErrorClass = {
  transient: true,
  notApplied: true,
  text: 'the service cannot be reached; is `endpoint` right, and is it up?',
}
const skewed: ErrorClass = {
  transient: true,
  notApplied: true,
  text: 'the clock of this machine, or of the service, is wrong; the next request allows for it, but set it right',
}
const expired: ErrorClass = {
  transient: true,
  notApplied: true,
  text: 'the credentials have expired; new ones are fetched where their source has some, else give new ones',
}
const noCredentials: ErrorClass = {
  transient: true,
  notApplied: true,
  text: 'nothing was sent, for there are no credentials; give `credentials`, or look at what the environment says',
}
const untrusted: ErrorClass = {
  transient: true,
  text: 'its certificate is not trusted, or not for this name or day; renew it, or name its authority in NODE_EXTRA_CA_CERTS',
}
const noTls: ErrorClass = { transient: true, text: 'TLS failed; is it `http` or `https` in `endpoint`?' }
const foreign404: ErrorClass = {
  transient: true,
  text: 'a 404 came that is not the service’s own; look at proxies on the way, and at `endpoint`',
}
const unknownThere: ErrorClass = {
  transient: true,
  text: 'the service does not know the object, or the upload, any more',
}
const cut: ErrorClass = { transient: true, unsure: true, text: 'the connection was cut' }
const damagedOnTheWay: ErrorClass = {
  transient: true,
  notApplied: true,
  text: 'the bytes that arrived were not those that were sent, and were refused',
}
const full: ErrorClass = {
  code: 'StorageFull',
  text: 'the service has no space left, or the quota is used up; raise it',
}
const denied: ErrorClass = {
  text: 'permission denied; the credentials need to list the bucket, and to put, get and delete its objects',
}
const credentials: ErrorClass = { text: 'the service does not accept the credentials; look at access key and secret' }
const region: ErrorClass = {
  text: 'the bucket is in another region or at another endpoint; set `region` and `endpoint`',
}

/** By the code in the service's answer, or that of the system call. */
const meanings: Record<string, ErrorClass> = {
  SlowDown: slowDown,
  Throttling: slowDown,
  ThrottlingException: slowDown,
  RequestLimitExceeded: slowDown,
  TooManyRequests: slowDown,
  TooManyRequestsException: slowDown,
  ServiceUnavailable: { ...slowDown, text: 'the service is not available at the moment' },
  RequestTimeout: { transient: true, notApplied: true, text: 'the service waited for bytes in vain' },
  IncompleteBody: damagedOnTheWay,
  BadDigest: damagedOnTheWay,
  XAmzContentSHA256Mismatch: damagedOnTheWay,
  InternalError: { transient: true, unsure: true, text: 'the service failed inside' },
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: denied,
  Forbidden: denied,
  InvalidAccessKeyId: credentials,
  SignatureDoesNotMatch: { text: `${credentials.text}, and at proxies that change a request on its way` },
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  InvalidToken: credentials,
  NoCredentials: noCredentials,
  RequestTimeTooSkewed: skewed,
  RequestInTheFuture: skewed,
  NoSuchBucket: { text: 'there is no such bucket; create it' },
  NoSuchKey: unknownThere,
  NoSuchUpload: unknownThere,
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
  EMFILE: { transient: true, text: 'the process has too many files and sockets open; raise its limit (`ulimit -n`)' },
  ENFILE: { transient: true, text: 'the machine has too many files open; raise its limit (`fs.file-max`)' },
  EPROTO: noTls,
  ECONNRESET: cut,
  EPIPE: cut,
  ERR_STREAM_PREMATURE_CLOSE: cut,
  ETIMEDOUT: { transient: true, text: 'the connection timed out' },
  TimeoutError: { transient: true, text: 'the connection timed out' },
}

/** There was nothing to sign a request with, so it was not sent. */
export class NoCredentials extends Error {
  override readonly name = 'NoCredentials'
}

/** The status of the answer, if there was one. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode
}

/** The code of the service's answer, else that of the system call, else the name of the error. */
export function codeOf(error: unknown): string {
  if (!isError(error)) return 'Unknown'
  const { code, name } = error as Error & { code?: unknown }
  return statusOf(error) === undefined && typeof code === 'string' ? code : name
}

/** What an error of the SDK, of the service or of a socket says. */
export function classifyS3Error(error: unknown): ErrorClass {
  const [code, status] = [codeOf(error), statusOf(error)]
  const meaning = meaningOf(error, code, status)
  const text = `${meaning.text} (${status === undefined ? code : `${code}, ${status}`})`
  return { ...meaning, text, cause: new RequestFailure(error) }
}

function meaningOf(error: unknown, code: string, status: number | undefined): ErrorClass {
  if (status !== undefined && status < 500 && wasSkewed(error)) return skewed
  if (status === undefined && !Object.hasOwn(nothingButFiles, code) && isBeforeSending(error)) return unreachable
  const known = Object.hasOwn(meanings, code) ? meanings[code] : undefined
  return known ?? meaningOfStatus(status) ?? meaningOfSocket(error, code) ?? { text: 'the service refused' }
}

function meaningOfStatus(status: number | undefined): ErrorClass | undefined {
  if (status === undefined) return undefined
  if (status === 404) return foreign404
  if (status === 429) return slowDown
  if (status === 507) return full
  if (status === 403) return denied
  if (status === 401) return credentials
  if (status === 301 || status === 307) return region
  if (status === 501) return { text: 'the service does not know such a request' }
  return status >= 500 ? { transient: true, unsure: true, text: 'the service failed' } : undefined
}

/** The SDK has seen by the date of the answer how wrong the clock is. HEAD has no body that says so. */
function wasSkewed(error: unknown): boolean {
  return (error as { $metadata?: { clockSkewCorrected?: boolean } }).$metadata?.clockSkewCorrected === true
}

/** Without one of them there is no socket, but it is not the service that lacks it. */
const nothingButFiles = { EMFILE: true, ENFILE: true }

/** A name that could not be looked up, a connection that did not come about: whatever the code. */
function isBeforeSending(error: unknown): boolean {
  const { syscall } = (error ?? {}) as { syscall?: unknown }
  return typeof syscall === 'string' && /^(connect|bind|getaddrinfo|query)/.test(syscall)
}

/** How Node and OpenSSL call what is wrong with a certificate. */
const ofCertificates =
  /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|ERR_TLS_CERT)/

function meaningOfSocket(error: unknown, code: string): ErrorClass | undefined {
  if (ofCertificates.test(code)) return untrusted
  if (/^ERR_(TLS|SSL)_/.test(code)) return noTls
  // Node's error for a socket that closed before the answer has a message, and at times no code.
  if (isError(error) && /socket hang up|aborted/.test(error.message)) return cut
  return (error as { syscall?: unknown } | undefined)?.syscall === undefined ? undefined : cut
}

/**
 * Not there, by the service's own word. A bucket that is not there says nothing of its objects, and the 404 of a proxy
 * on the way says nothing at all: bytes that it hides would count as deleted.
 */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && ['NoSuchKey', 'NoSuchUpload'].includes(codeOf(error))
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
