import { BlobStoreError } from '../errors.ts'

// https://atproto.com/specs/tid: 13 characters that sort as the times they stand for.
const grammar = /^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$/

/** @throws `InvalidArgument` unless `value` is a TID, as revisions of repositories are */
export function assertTid(what: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && value.length === 13 && grammar.test(value)) return
  throw new BlobStoreError('InvalidArgument', `${what}: expected a TID, the revision of a repository (13 characters)`)
}
