import type { BlobStore } from '../blob-store.ts'
import type { Logger } from '../logger.ts'
import type { BlobStat } from '../metadata/types.ts'
import { assertOneOf, assertOptions, assertStore, assertWhole, invalidArgument } from '../options.ts'
import type { UploadLimits } from '../store/calls.ts'
import { type CacheTagHeader, cacheTagHeaders } from './cache-tags.ts'

/** The options of the HTTP handlers. */
export interface BlobHandlerOptions extends BlobServingOptions {
  /**
   * Returns who sends the request. Called for uploadBlob and listMissingBlobs, before a byte of the body is read. Null
   * is answered by 401. For a response of the host's own (an expired token, DPoP, rate limits, an account that may not
   * upload), return or throw a `Response`, or throw an {@link XrpcError}. Any other error is answered by 500. Do not
   * read the body of `request`.
   */
  authenticate: (request: Request) => Authenticated | Promise<Authenticated>
}

/** The options that every adapter has. */
export interface BlobServingOptions {
  /**
   * The status of a DID's account, called for getBlob and listBlobs: nothing of an account that is not active is
   * public.
   * @default every account is active, and an unknown one has no blobs
   */
  accountStatus?: ((did: string) => AccountStatus | null | Promise<AccountStatus | null>) | undefined

  /**
   * Which methods pages of other origins may call, without cookies: `public` those without authentication (getBlob,
   * listBlobs), `all` the two others too, `none` none (the host sets the headers). @default 'public'
   */
  cors?: 'public' | 'all' | 'none' | undefined

  /** How long caches may keep a blob, and so serve it after a takedown, in seconds. @default 300 */
  maxAge?: number | undefined

  /**
   * Tags each blob for caches in this header, by its account, its CID, and both, so that a purge by tag
   * ({@link cacheTagOf}) covers all of its addresses. @default none
   */
  cacheTags?: CacheTagHeader | undefined

  /**
   * Hashes whole blobs while they are sent: a damaged one ends with a cut connection, never as a complete response, and
   * the next upload repairs it. Ranges cannot be verified. Costs a sha-256 of every byte served. @default false
   */
  verify?: boolean | undefined

  /**
   * Redirects clients of getBlob to another address for the bytes; docs/security.md says what is given up. @default
   * never
   */
  redirect?: Redirect | undefined

  /** Called with each error that the host should see: those answered by a status from 500. Silent by default. */
  onError?: ((error: unknown, context: { method: string }) => void) | undefined

  /** Logs the same errors, and warnings about wrong settings; a pino logger fits. @default silent */
  logger?: Pick<Logger, 'warn' | 'error'> | undefined
}

/** Whether an account is served, in the Lexicons' words. */
export type AccountStatus = 'active' | 'takendown' | 'suspended' | 'deactivated'

/**
 * Who sends a request, and the limits of what this client may upload (`{ did, grants: blobGrants(token.scope) }`); null if
 * unknown. Invalid limits are an error of the host, answered by 500: nothing is uploaded.
 */
export type Authenticated = ({ readonly did: string } & UploadLimits) | Response | null

const known = [
  'authenticate',
  'accountStatus',
  'cors',
  'cacheTags',
  'maxAge',
  'verify',
  'redirect',
  'onError',
  'logger',
]

/** @throws `InvalidArgument` for an invalid option */
export function checkOptions(
  what: string,
  options: BlobServingOptions & { authenticate: unknown },
  blobs: BlobStore,
): void {
  assertStore(what, blobs)
  assertOptions(what, options, known)
  if (typeof options.authenticate !== 'function') {
    throw invalidArgument(
      what,
      'authenticate is missing, a function that says who sends a request: ({ headers }) => ({ did }), or null if unknown',
    )
  }
  if (options.maxAge !== undefined) assertWhole(`${what}: maxAge`, options.maxAge, 0)
  assertOneOf(`${what}: cors`, options.cors, ['public', 'all', 'none'])
  assertOneOf(`${what}: cacheTags`, options.cacheTags, cacheTagHeaders)
  if (options.redirect === undefined) return
  checkRedirect(what, options.redirect, blobs)
  if (options.verify) throw invalidArgument(what, 'bytes served elsewhere cannot be verified')
}

/**
 * Where getBlob redirects clients instead of sending the bytes. Whether the blob may be seen is checked first, each
 * time.
 *
 * `backend`: to an address in the backend (S3) that is valid for `expiresIn` seconds, 1 to 60. The response there has
 * the blob's type and `Content-Disposition: attachment`, but none of the other security headers. If the blob's backend
 * has no addresses, this server sends the bytes. All accounts with the same bytes are redirected to one object: its key
 * and its age show an account whether others had them before it.
 *
 * `cdn`: to an address that the host returns. The store no longer checks what a CDN holds, so it must have the hook
 * `onInaccessible`, which purges it; and the CDN must add the security headers, which only the host can know.
 */
export type Redirect =
  | { to: 'backend'; expiresIn?: number | undefined }
  | { to: 'cdn'; url: (blob: BlobStat & { did: string }) => string; addsSecurityHeaders: true }

/** @throws `InvalidArgument` */
function checkRedirect(what: string, redirect: Redirect, blobs: BlobStore): void {
  if (redirect?.to === 'backend') {
    assertOptions(`${what}: redirect`, redirect, ['to', 'expiresIn'])
    const { expiresIn = 60 } = redirect
    assertWhole(`${what}: redirect.expiresIn`, expiresIn, 1)
    if (expiresIn > 60) throw invalidArgument(what, 'redirect.expiresIn is at most 60 seconds')
    return
  }
  if (redirect?.to !== 'cdn') throw invalidArgument(what, 'redirect.to is "backend" or "cdn"')
  assertOptions(`${what}: redirect`, redirect, ['to', 'url', 'addsSecurityHeaders'])
  if (typeof redirect.url !== 'function') throw invalidArgument(what, 'redirect.url is missing, a function')
  if (redirect.addsSecurityHeaders !== true) {
    throw invalidArgument(
      what,
      `a CDN must add the security headers of docs/http.md; confirm it with addsSecurityHeaders: true`,
    )
  }
  if (typeof blobs.hooks?.onInaccessible !== 'function') {
    throw invalidArgument(what, 'a CDN must be purged of what is taken down; give the store the hook onInaccessible')
  }
}
