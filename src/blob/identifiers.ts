import { BlobStoreError } from '../errors.ts'
import { invalidArgument } from '../options.ts'

// https://atproto.com/specs/did: method in lower case, no `/`, `?` or `#`, not ending in `:` or `%`.
const didGrammar = /^did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]$/

/** Whether `value` is a DID in the AT Protocol's syntax: at most 2048 characters, no path, query or fragment. */
export function isDid(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 2048 && didGrammar.test(value)
}

/** @throws `InvalidDid` */
export function assertDid(value: unknown): asserts value is string {
  if (!isDid(value)) throw new BlobStoreError('InvalidDid', 'Not a DID: expected did:<method>:<identifier>')
}

// https://atproto.com/specs/tid: 13 characters that sort by time.
const tidGrammar = /^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$/

/** @throws `InvalidArgument` unless `value` is a TID, as the revisions of repositories are */
export function assertTid(what: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && value.length === 13 && tidGrammar.test(value)) return
  throw invalidArgument(what, 'expected a TID, the revision of a repository (13 characters)')
}

/** The scope of references by which everybody may see the blob. */
export const publicScope = 'public'

const scopeGrammar = /^[a-zA-Z0-9._:/-]{1,512}$/

/** @throws `InvalidArgument` unless `value` is a scope: 1 to 512 letters, digits or `._:/-` */
export function assertScope(what: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && value.length <= 512 && scopeGrammar.test(value)) return
  throw invalidArgument(what, 'a scope is 1 to 512 letters, digits or ._:/-')
}

/** The scopes that a viewer may see, including `public`. @throws `InvalidArgument` */
export function visibleScopes(what: string, scopes: readonly string[] = []): string[] {
  if (!Array.isArray(scopes)) throw invalidArgument(what, 'scopes must be an array')
  for (const scope of scopes) assertScope(what, scope)
  return [publicScope, ...scopes]
}
