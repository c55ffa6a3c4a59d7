import { isAcceptPattern } from './mime.ts'

/** What one grant allows a client to upload. */
export interface BlobGrant {
  /** Patterns, one of which the type of the blob must match: `image/png`, `image/*`, or `*` on both sides of the slash. */
  readonly accept: readonly string[]
  /** In bytes, inclusive. @default up to the limit of the store */
  readonly maxSize?: number | undefined
}

/** The scope of clients that are older than scopes for blobs: it allows what an app password allows. */
const transitional = 'transition:generic'

/**
 * What the scope of an OAuth token allows a client to upload: a blob is allowed if one of the grants allows it. An
 * empty list allows nothing. `scope` is the claim of the token, scopes separated by spaces, or a list of the scopes.
 *
 * A grant is `blob:image/png`, `blob:image/*`, `blob?accept=image/png&accept=video/mp4`, or one of these with
 * `maxSize`, in bytes: `blob:image/*?maxSize=1000000`. `transition:generic` allows everything. An invalid grant allows
 * nothing, for example one with an unknown parameter or an invalid pattern. In a query, write `+` as `%2B`.
 *
 * `@atproto/oauth-scopes` reads scopes in the same way, with three differences. It does not know `maxSize`, so a grant
 * with it allows nothing there. It compares patterns case-sensitively, although types are case-insensitive. And it
 * throws at a `%` that encodes nothing; here such a scope allows nothing.
 *
 * @example
 * ```ts
 * import { blobGrants } from 'pds-blobstore'
 *
 * const uploaderOf = (token: { sub: string; scope: string }) => ({ did: token.sub, grants: blobGrants(token.scope) })
 * ```
 */
export function blobGrants(scope: string | Iterable<string>): BlobGrant[] {
  const scopes = typeof scope === 'string' ? scope.split(' ') : [...scope]
  return scopes.map(grantOf).filter((grant) => grant !== null)
}

function grantOf(scope: string): BlobGrant | null {
  if (scope === transitional) return { accept: ['*/*'] }
  const match = /^blob(?::(?<type>[^?]*))?(?:\?(?<query>.*))?$/s.exec(scope)
  if (match === null) return null
  const params = new URLSearchParams(match.groups?.query)
  const [sizes, types] = [params.getAll('maxSize'), typesOf(match.groups?.type, params.getAll('accept'))]
  if (types === null || params.size > sizes.length + params.getAll('accept').length) return null
  // A pattern that no type can match allows nothing, and does not affect the others.
  const accept = types.filter(isAcceptPattern).map((type) => type.toLowerCase())
  const maxSize = sizeOf(sizes)
  if (accept.length === 0 || maxSize === null) return null
  return { accept, ...(maxSize === undefined ? {} : { maxSize }) }
}

/** The patterns, after the colon or in the query. Null if there are none, if both have some, or if one is invalid. */
function typesOf(encoded: string | undefined, named: string[]): string[] | null {
  const only = encoded === undefined ? undefined : decode(encoded)
  if (only === null || (only !== undefined && named.length > 0)) return null
  const types = only === undefined ? named : [only]
  return types.length > 0 && types.every(isPattern) ? types : null
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** As tolerant as the reference: a pattern that is invalid for the reference makes its whole scope invalid. */
function isPattern(text: string): boolean {
  return /^[^/ ]+\/[^/ ]+$/.test(text) && (text === '*/*' || !text.includes('*') || text.endsWith('/*'))
}

/** Undefined if absent, null for an invalid number of bytes, or more than one. */
function sizeOf([size, ...more]: string[]): number | null | undefined {
  if (size === undefined) return undefined
  return more.length === 0 && /^\d{1,15}$/.test(size) ? Number(size) : null
}
