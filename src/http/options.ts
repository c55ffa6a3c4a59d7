import type { SpaceUri } from '../blob/spaces.ts'
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

  /**
   * Whether this request may see the account's (`repo`) blobs in the space: asked for com.atproto.space.getBlob and
   * space.listBlobs, before anything is looked up, with URI and DID that are well-formed, and may name what does not exist. Who may
   * is the host's to know: the account itself, by OAuth; a member, by a space credential, which the host verifies. True lets
   * it in; false is 401 without an Authorization header, else 403. An answer of the host's own is a `Response`, returned or
   * thrown, or a thrown {@link XrpcError}, such as `new XrpcError(400, 'SpaceNotFound', …)` for one who may know that. Any other
   * error is answered by 500.
   * @default the two methods are not there: 404
   */
  authorizeSpace?: ((request: Request, asked: SpaceAccess) => SpaceDecision | Promise<SpaceDecision>) | undefined
}

/** The options that every adapter has. */
export interface BlobServingOptions {
  /**
   * The account behind a DID, asked for getBlob and listBlobs: nothing of an account that is not active is
   * public. For those of spaces it is asked too, after `authorizeSpace`.
   * @default every account is active, and one that nobody knows has no blobs
   */
  accountStatus?: ((did: string) => AccountStatus | null | Promise<AccountStatus | null>) | undefined

  /**
   * Which methods pages of other origins may call, without cookies: `public` those that ask no authentication
   * (getBlob, listBlobs), `all` the others too, `none` none of them (the host does it). @default 'public'
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

  /** Sends clients of sync.getBlob elsewhere for the bytes; docs/security.md says what is given up. @default never */
  redirect?: Redirect | undefined

  /**
   * The same for space.getBlob. Who is sent has been let in; who gets hold of the address need not have been. @default never
   */
  redirectSpace?: Redirect | undefined

  /**
   * Whether uploadBlob may send interim responses (104), by which clients of the IETF's draft, such as iOS, learn where to
   * continue an upload that they send at once. Only for Node. Every proxy in front must pass them on: Caddy and HAProxy
   * do; nginx takes one for the response, and the upload fails.
   * @default false
   */
  interimResponses?: boolean | undefined

  /** Told of each error that the host should look at: those answered by a status from 500. Silent by default. */
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

/** What a request wants to see: an account's repository in a space. */
export interface SpaceAccess {
  readonly space: SpaceUri
  /** The DID of the account whose blobs they are. */
  readonly repo: string
}

/** True: let in. False: refused. A `Response`: the host's own answer. */
export type SpaceDecision = boolean | Response

const known = [
  'authenticate',
  'accountStatus',
  'cors',
  'cacheTags',
  'maxAge',
  'verify',
  'redirect',
  'authorizeSpace',
  'redirectSpace',
  'interimResponses',
  'onError',
  'logger',
]

/** @throws `InvalidArgument` for an invalid option */
export function checkOptions(
  what: string,
  options: BlobServingOptions & { authenticate: unknown; authorizeSpace?: unknown },
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
  if (![undefined, true, false].includes(options.interimResponses)) {
    throw invalidArgument(what, 'interimResponses must be true or false')
  }
  if (options.maxAge !== undefined) assertWhole(`${what}: maxAge`, options.maxAge, 0)
  assertOneOf(`${what}: cors`, options.cors, ['public', 'all', 'none'])
  assertOneOf(`${what}: cacheTags`, options.cacheTags, cacheTagHeaders)
  checkAuthorizeSpace(what, options)
  if (options.redirectSpace !== undefined && options.authorizeSpace === undefined) {
    throw invalidArgument(what, 'redirectSpace needs authorizeSpace, which decides who may be sent')
  }
  for (const name of ['redirect', 'redirectSpace'] as const) {
    const redirect = options[name]
    if (redirect === undefined) continue
    checkRedirect(`${what}: ${name}`, redirect, blobs)
    if (options.verify) throw invalidArgument(`${what}: ${name}`, 'bytes served elsewhere cannot be verified')
  }
}

/** @throws `InvalidArgument` */
export function checkAuthorizeSpace(what: string, { authorizeSpace }: { authorizeSpace?: unknown }): void {
  if (authorizeSpace === undefined || typeof authorizeSpace === 'function') return
  throw invalidArgument(
    what,
    'authorizeSpace must be a function that says whether a request may see a space: (request, { space, repo }) => boolean',
  )
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
 * `file`: not the client, but the proxy in front is told to send the file itself, if the backend is a `DiskBackend` on
 * the same machine. The response has no bytes, but the header that nginx and Caddy (`x-accel-redirect`) or others (`x-sendfile`)
 * understand. The proxy must keep the security headers: docs/proxies.md shows how.
 *
 * `cdn`: to an address that the host returns. The store no longer checks what a CDN holds, so it must have the hook
 * `onInaccessible`, which purges it; and the CDN must add the security headers, which only the host can know.
 */
export type Redirect =
  | FileRedirect
  | { to: 'backend'; expiresIn?: number | undefined }
  | { to: 'cdn'; url: (blob: BlobStat & { did: string; space?: SpaceUri }) => string; addsSecurityHeaders: true }

export interface FileRedirect {
  to: 'file'
  /** @default 'x-accel-redirect' */
  header?: 'x-accel-redirect' | 'x-sendfile' | undefined
  /** For `x-accel-redirect`: the internal location of the backend's root, such as `/pds-blobs/`. */
  location?: string | undefined
  /** Smaller blobs are sent by this process, which is faster for them. In bytes, at least 256 KiB. @default 1_048_576 */
  above?: number | undefined
  /** The proxy passes the security headers on, as docs/proxies.md shows. */
  keepsSecurityHeaders: true
}

const leastFile = 256 * 1024

function checkFileRedirect(what: string, redirect: FileRedirect): void {
  assertOptions(what, redirect, ['to', 'header', 'location', 'above', 'keepsSecurityHeaders'])
  const { header = 'x-accel-redirect', location, above = leastFile } = redirect
  assertOneOf(`${what}.header`, header, ['x-accel-redirect', 'x-sendfile'])
  assertWhole(`${what}.above`, above, leastFile)
  if (header === 'x-accel-redirect' && !/^\/[\w./-]*\/$/.test(location ?? '')) {
    throw invalidArgument(what, 'location is the internal location of the root in nginx, such as "/pds-blobs/"')
  }
  if (header === 'x-sendfile' && location !== undefined) throw invalidArgument(what, 'x-sendfile names the file itself')
  if (redirect.keepsSecurityHeaders === true) return
  throw invalidArgument(
    what,
    'the proxy must pass the security headers on, as node_modules/pds-blobstore/docs/proxies.md shows; confirm it with keepsSecurityHeaders: true',
  )
}

/** @throws `InvalidArgument` */
function checkRedirect(what: string, redirect: Redirect, blobs: BlobStore): void {
  if (redirect?.to === 'backend') {
    assertOptions(what, redirect, ['to', 'expiresIn'])
    const { expiresIn = 60 } = redirect
    assertWhole(`${what}.expiresIn`, expiresIn, 1)
    if (expiresIn > 60) throw invalidArgument(what, 'expiresIn is 60 seconds at most')
    return
  }
  if (redirect?.to === 'file') {
    checkFileRedirect(what, redirect)
    return
  }
  if (redirect?.to !== 'cdn') throw invalidArgument(what, 'to is "backend", "cdn" or "file"')
  assertOptions(what, redirect, ['to', 'url', 'addsSecurityHeaders'])
  if (typeof redirect.url !== 'function') throw invalidArgument(what, 'url is missing, a function')
  if (redirect.addsSecurityHeaders !== true) {
    throw invalidArgument(
      what,
      `a CDN must add the security headers of pds-blobstore/docs/http.md; confirm it with addsSecurityHeaders: true`,
    )
  }
  if (typeof blobs.hooks?.onInaccessible !== 'function') {
    throw invalidArgument(what, 'a CDN must be purged of what is taken down; give the store the hook onInaccessible')
  }
}
