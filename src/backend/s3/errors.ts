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
  text: 'the credentials have expired; if their source has new ones, they are fetched, otherwise give new ones',
}
const noCredentials: ErrorClass = {
  transient: true,
  notApplied: true,
  text: 'nothing was sent, because there are no credentials; give `credentials`, or check the environment',
}
const untrusted: ErrorClass = {
  transient: true,
  text: 'its certificate is not trusted, or not for this name or day; renew it, or name its authority in NODE_EXTRA_CA_CERTS',
}
const noTls: ErrorClass = { transient: true, text: 'TLS failed; is it `http` or `https` in `endpoint`?' }
const foreign404: ErrorClass = {
  transient: true,
  text: 'a 404 arrived that is not the service’s own; check proxies in between, and `endpoint`',
}
const unknownThere: ErrorClass = {
  transient: true,
  text: 'the object, or the upload, no longer exists at the service',
}
const cut: ErrorClass = { transient: true, unsure: true, text: 'the connection was cut' }
const damagedOnTheWay: ErrorClass = {
  transient: true,
  notApplied: true,
  text: 'the service received bytes other than those sent, and refused them',
}
const full: ErrorClass = {
  code: 'StorageFull',
  text: 'the service has no space left, or the quota is used up; raise it',
}
const denied: ErrorClass = {
  text: 'permission denied; the credentials need to list the bucket, and to put, get and delete its objects',
}
const credentials: ErrorClass = { text: 'the service does not accept the credentials; check access key and secret' }
const region: ErrorClass = {
  text: 'the bucket is in another region or at another endpoint; set `region` and `endpoint`',
}

/** By the code in the service's response, or that of the system call. */
const meanings: Record<string, ErrorClass> = {
  SlowDown: slowDown,
  Throttling: slowDown,
  ThrottlingException: slowDown,
  RequestLimitExceeded: slowDown,
  TooManyRequests: slowDown,
  TooManyRequestsException: slowDown,
  ServiceUnavailable: { ...slowDown, text: 'the service is not available at the moment' },
  RequestTimeout: { transient: true, notApplied: true, text: 'the service did not receive the bytes in time' },
  IncompleteBody: damagedOnTheWay,
  BadDigest: damagedOnTheWay,
  XAmzContentSHA256Mismatch: damagedOnTheWay,
  InternalError: { transient: true, unsure: true, text: 'the service had an internal error' },
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: denied,
  Forbidden: denied,
  InvalidAccessKeyId: credentials,
  SignatureDoesNotMatch: { text: `${credentials.text}, and proxies that change a request on its way` },
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
  EntityTooLarge: { text: 'the service does not accept an object of that size' },
  MissingContentLength: { text: 'a proxy between here and the service removes the length of requests' },
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

/** There were no credentials to sign the request with, so it was not sent. */
export class NoCredentials extends Error {
  override readonly name = 'NoCredentials'
}

/** The status of the response, if there was one. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode
}

/** The code in the service's response, otherwise that of the system call, otherwise the name of the error. */
export function codeOf(error: unknown): string {
  if (!isError(error)) return 'Unknown'
  const { code, name } = error as Error & { code?: unknown }
  return statusOf(error) === undefined && typeof code === 'string' ? code : name
}

/** Classifies an error of the SDK, of the service or of a socket. */
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

/** The SDK has measured the clock's error by the date of the response. A response to HEAD has no body that says so. */
function wasSkewed(error: unknown): boolean {
  return (error as { $metadata?: { clockSkewCorrected?: boolean } }).$metadata?.clockSkewCorrected === true
}

/** Codes for lacking descriptors: this process could open no socket, the service did not fail. */
const nothingButFiles = { EMFILE: true, ENFILE: true }

/** A failed name lookup or connection, whatever the code. */
function isBeforeSending(error: unknown): boolean {
  const { syscall } = (error ?? {}) as { syscall?: unknown }
  return typeof syscall === 'string' && /^(connect|bind|getaddrinfo|query)/.test(syscall)
}

/** Node's and OpenSSL's codes for certificate errors. */
const ofCertificates =
  /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|ERR_TLS_CERT)/

function meaningOfSocket(error: unknown, code: string): ErrorClass | undefined {
  if (ofCertificates.test(code)) return untrusted
  if (/^ERR_(TLS|SSL)_/.test(code)) return noTls
  // Node's error for a socket that closed before the response has a message, and sometimes no code.
  if (isError(error) && /socket hang up|aborted/.test(error.message)) return cut
  return (error as { syscall?: unknown } | undefined)?.syscall === undefined ? undefined : cut
}

/**
 * Absent according to the service itself. A missing bucket says nothing about its objects, and neither does a 404 of a
 * proxy: bytes that it hides would count as deleted.
 */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && ['NoSuchKey', 'NoSuchUpload'].includes(codeOf(error))
}

/**
 * What may be logged of an SDK error. The error itself contains requests and responses, some with the access key and
 * what was signed.
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
