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
