import { invalidArgument } from '../options.ts'
import { isDid } from './identifiers.ts'

// How spaces and the records in them are named: bluesky-social/proposals 0016, which may still change. What is known of that
// stands in this file alone.

/** A name space for permissioned records: `at://{spaceDid}/space/{spaceType}/{skey}`. */
export type SpaceUri = string

/** Where a record is. */
export interface RecordPlace {
  /** Null for a public record. */
  space: SpaceUri | null
  /** The account whose repository it is in. */
  did: string
}

// https://atproto.com/specs/nsid, https://atproto.com/specs/record-key
const nsid = String.raw`(?=[^/]{5,317}(?:/|$))[a-zA-Z][a-zA-Z0-9-]*(?:\.[a-zA-Z0-9][a-zA-Z0-9-]*)+\.[a-zA-Z][a-zA-Z0-9]*`
const key = String.raw`(?!\.{1,2}(?:/|$))[A-Za-z0-9._:~-]{1,512}`
const space = `at://(?<owner>did:[^/]+)/space/${nsid}/${key}`
const spaceGrammar = new RegExp(`^${space}$`)
const inSpaceGrammar = new RegExp(`^(?<space>${space})/(?<author>did:[^/]+)/${nsid}/${key}$`)

/** Longer than any URI of a space, or of a record in one, whose DIDs have at most 2,048 characters. */
const longest = 8192

/** Whether `value` is the URI of a space. */
export function isSpaceUri(value: unknown): value is SpaceUri {
  if (typeof value !== 'string' || value.length > longest) return false
  const match = spaceGrammar.exec(value)
  return match !== null && isDid(match.groups?.owner)
}

/** @throws `InvalidArgument` unless `value` is the URI of a space */
export function assertSpaceUri(what: string, value: unknown): asserts value is SpaceUri {
  if (isSpaceUri(value)) return
  throw invalidArgument(what, 'expected the URI of a space: at://<DID>/space/<type>/<key>')
}

/**
 * Where the record of an at-URI is: `at://{did}/{collection}/{rkey}` is public, and
 * `at://{spaceDid}/space/{spaceType}/{skey}/{did}/{collection}/{rkey}` is in a space. Null for what is neither. Of a public
 * record only the account is looked at.
 */
export function placeOfRecord(uri: string): RecordPlace | null {
  if (uri.length > longest) return null
  const [, did, collection] = /^at:\/\/([^/]+)\/([^/]+)/.exec(uri) ?? []
  // No collection is called so: each is an NSID.
  if (collection !== 'space') return isDid(did) ? { space: null, did } : null
  const { owner, author, space } = inSpaceGrammar.exec(uri)?.groups ?? {}
  return isDid(owner) && isDid(author) && space !== undefined ? { space, did: author } : null
}

/**
 * A space of the account's own in which the library keeps references of its own making, by which nobody is to see a blob.
 */
export const internalSpace = (did: string, name: string): SpaceUri => `at://${did}/space/${internalType}${name}/self`

export const isInternalSpace = (space: SpaceUri): boolean => space.includes(`/space/${internalType}`)

const internalType = 'pds-blobstore.internal.'

/** What the rows of references say of a public record. No space is called so. */
export const publicScope = 'public'

/** What the rows of references say of a record in this space. */
export const scopeOf = (space: SpaceUri | null | undefined): string => space ?? publicScope
