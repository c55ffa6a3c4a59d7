import { BlobStoreError } from '../errors.ts'

// https://atproto.com/specs/did: method in lower case, no `/`, `?` or `#`, not ending in `:` or `%`.
const grammar = /^did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]$/

/** Whether `value` is a DID as the AT Protocol writes them: at most 2048 characters, no path, query or fragment. */
export function isDid(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 2048 && grammar.test(value)
}

/** @throws `InvalidDid` */
export function assertDid(value: unknown): asserts value is string {
  if (!isDid(value)) throw new BlobStoreError('InvalidDid', 'Not a DID: expected did:<method>:<identifier>')
}
