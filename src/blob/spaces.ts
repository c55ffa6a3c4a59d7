import { invalidArgument } from '../options.ts'
import { isDid } from './identifiers.ts'
import { isInternalPath, isRecordPath, keyPattern, nsidPattern } from './record-uri.ts'

// The names of spaces and of the records in them: bluesky-social/proposals 0016, which may still change. No other file
// knows its details.

/** The URI of a space of permissioned records: `at://{spaceDid}/space/{spaceType}/{skey}`. */
export type SpaceUri = string

/** Where a record is. */
export interface RecordPlace {
  /** Null for a public record. */
  space: SpaceUri | null
  /** The account whose repository it is in. */
  did: string
}

const space = `at://(?<owner>did:[^/]+)/space/${nsidPattern}/${keyPattern}`
const spaceGrammar = new RegExp(`^${space}$`)
const inSpaceGrammar = new RegExp(`^(?<space>${space})/(?<author>did:[^/]+)/${nsidPattern}/${keyPattern}$`)

/** More characters than a URI of a space, or of a record in one, can have: its DIDs have at most 2,048 each. */
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
 * The place of the record that an at-URI names: `at://{did}/{collection}/{rkey}` is public, and
 * `at://{spaceDid}/space/{spaceType}/{skey}/{did}/{collection}/{rkey}` is in a space. Null for anything else: a handle
 * instead of the DID, a query, a fragment, a slash at the end.
 */
export function placeOfRecord(uri: string): RecordPlace | null {
  const place = placeOfOldRecord(uri)
  if (place === null || place.space !== null) return place
  const path = uri.slice(`at://${place.did}/`.length)
  return isRecordPath(path) || isInternalPath(path) ? place : null
}

/**
 * As {@link placeOfRecord}, but of a public record only the account is checked: earlier versions stored URIs of any
 * collection and key, and so do other programs.
 */
export function placeOfOldRecord(uri: string): RecordPlace | null {
  if (uri.length > longest) return null
  const [, did, collection] = /^at:\/\/([^/]+)\/([^/]+)/.exec(uri) ?? []
  // No collection has this name: each is an NSID.
  if (collection !== 'space') return isDid(did) ? { space: null, did } : null
  const { owner, author, space } = inSpaceGrammar.exec(uri)?.groups ?? {}
  return isDid(owner) && isDid(author) && space !== undefined ? { space, did: author } : null
}

/** A space of the account's own for references that the library makes itself. No reader may see a blob through it. */
export const internalSpace = (did: string, name: string): SpaceUri => `at://${did}/space/${internalType}${name}/self`

export const isInternalSpace = (space: SpaceUri): boolean => space.includes(`/space/${internalType}`)

const internalType = 'pds-blobstore.internal.'

/** The scope of a public record in the tables. No space has this name. */
export const publicScope = 'public'

/** The scope of a record in this space in the tables. */
export const scopeOf = (space: SpaceUri | null | undefined): string => space ?? publicScope
