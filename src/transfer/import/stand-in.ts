import { createHash } from 'node:crypto'
import { internalCollection } from '../../blob/record-uri.ts'
import { placeOfOldRecord } from '../../blob/spaces.ts'
import { pinSpace, unlisted } from '../../pds/pins.ts'
import { printable } from '../../printable.ts'
import { publicTable } from './actor-database.ts'

// References of an import that cannot belong to a record of the account: the record has an invalid URI, or there is
// none. Each has a name that the next import finds again, and by which `dropPins` removes it.

const publicPrefix = (did: string): string => `at://${did}/${internalCollection('import')}/`
/** In a space that no reader sees. */
const hiddenPrefix = (did: string): string => `${pinSpace(did, unlisted)}/${did}/pds-blobstore.internal.import/`

/** Stand-ins of earlier versions are in the space of the record that they replace. */
export function isStandIn(did: string, uri: string): boolean {
  return uri.startsWith(publicPrefix(did)) || uri.includes(`/${did}/pds-blobstore.internal.import/`)
}

/** The URI for a row of a table that references blobs. Only `record_blob` makes a blob visible to everybody. */
export function referenceFor(did: string, table: string, recordUri: string | null, cid: string): string {
  const isPublic = table === publicTable
  if (recordUri === null) return referenceWithoutRecord(did, cid, isPublic)
  const space = spaceOfOwn(did, recordUri)
  if (space !== undefined && isPublic === (space === null)) return recordUri
  return isPublic ? publicPrefix(did) + hashOf(recordUri) : hiddenPrefix(did) + hashOf(`${table} ${recordUri}`)
}

/** For a blob that is kept although no known record references it. */
export function referenceWithoutRecord(did: string, cid: string, isPublic: boolean): string {
  return (isPublic ? publicPrefix(did) : hiddenPrefix(did)) + cid
}

/** Whether `applyWrites` accepts it in an import as a public record of the account. */
export function isOwnUri(did: string, uri: string): boolean {
  return spaceOfOwn(did, uri) === null
}

/** The space of a record of the account, null for a public record; undefined if `applyWrites` would refuse it. */
function spaceOfOwn(did: string, uri: string): string | null | undefined {
  const place = printable(uri, uri.length) === uri ? placeOfOldRecord(uri) : null
  if (place?.did !== did) return undefined
  const longest = place.space === null ? `at://${did}/`.length + 830 : Number.POSITIVE_INFINITY
  return uri.length <= longest ? place.space : undefined
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40)
