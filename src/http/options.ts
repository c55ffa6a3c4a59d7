import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { assertOneOf, assertOptions, assertStore, assertWhole } from '../options.ts'
import { type CacheTagHeader, cacheTagHeaders } from './cache-tags.ts'
import { checkRedirect, type Redirect } from './redirect.ts'

/** What the host gives to the HTTP handlers. */
export interface BlobHandlerOptions extends BlobServingOptions {
  /**
   * Who sends this request: asked for uploadBlob and listMissingBlobs, before a byte of the body is read. Null is
   * answered by 401. An answer of the host's own (an expired token, DPoP, rate limits, an account that may not upload)
   * is a `Response`, returned or thrown, or a thrown {@link XrpcError}. Any other error is answered by 500. The body
   * of `request` is not for it to read.
   */
  authenticate: (request: Request) => Authenticated | Promise<Authenticated>
}

/** The options that every adapter has. */
export interface BlobServingOptions {
  /**
   * The account behind a DID, asked for getBlob and listBlobs: nothing of an account that is not active is public.
   * @default every account is active, and one that nobody knows has no blobs
   */
  accountStatus?: ((did: string) => AccountStatus | null | Promise<AccountStatus | null>) | undefined

  /**
   * Which methods pages of other origins may call, without cookies: `public` those that ask no authentication
   * (getBlob, listBlobs), `all` the two others too, `none` none of them (the host does it). @default 'public'
   */
  cors?: 'public' | 'all' | 'none' | undefined

  /** How long caches may keep a blob, and so serve it after a takedown, in seconds. @default 300 */
  maxAge?: number | undefined

  /**
   * Names each blob to caches by this header: by its account, its CID, and both, so that a purge by tag ({@link cacheTagOf})
   * misses none of the addresses that name it. @default none
   */
  cacheTags?: CacheTagHeader | undefined

  /**
   * Hashes whole blobs on their way out: a damaged one ends in a cut connection, never in a whole answer, and the next
   * upload heals it. Ranges cannot be verified. Costs a sha-256 of every byte served. @default false
   */
  verify?: boolean | undefined

  /** Sends clients of getBlob elsewhere for the bytes; docs/security.md says what is given up. @default never */
  redirect?: Redirect | undefined

  /** Told of each error that the host should look at: those answered by a status from 500. Silent by default. */
  onError?: ((error: unknown, context: { method: string }) => void) | undefined

  /** Told the same, and of what looks wrong in the setting; a pino will do. @default silent */
  logger?: Pick<Logger, 'warn' | 'error'> | undefined
}

/** Whether an account is served, in the words of the Lexicons. */
export type AccountStatus = 'active' | 'takendown' | 'suspended' | 'deactivated'

/** Who sends a request; null when nobody that is known. */
export type Authenticated = { readonly did: string } | Response | null

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

/** @throws `InvalidArgument` for an option that cannot be meant */
export function checkOptions(
  what: string,
  options: BlobServingOptions & { authenticate: unknown },
  blobs: BlobStore,
): void {
  assertStore(what, blobs)
  assertOptions(what, options, known)
  if (typeof options.authenticate !== 'function') {
    throw new BlobStoreError(
      'InvalidArgument',
      `${what}: authenticate is missing, a function that says who sends a request: ({ headers }) => ({ did }), or null for nobody`,
    )
  }
  if (options.maxAge !== undefined) assertWhole(`${what}: maxAge`, options.maxAge, 0)
  assertOneOf(`${what}: cors`, options.cors, ['public', 'all', 'none'])
  assertOneOf(`${what}: cacheTags`, options.cacheTags, cacheTagHeaders)
  if (options.redirect === undefined) return
  checkRedirect(what, options.redirect, blobs)
  if (options.verify) throw new BlobStoreError('InvalidArgument', `${what}: bytes served elsewhere cannot be verified`)
}
