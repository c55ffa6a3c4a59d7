import { createHash } from 'node:crypto'
import { assertScope, publicScope } from '../../blob/identifiers.ts'
import { unlisted } from '../../pds/pins.ts'
import { printable } from '../../printable.ts'
import { publicTable } from './actor-database.ts'

// References of an import that cannot belong to a record of the account: of another account's space, of a record with
// an invalid URI, or of no record at all. Each has a name that the next import finds again, and by which `dropPins`
// removes it.

/** How a reference of the source is written in the store. */
export interface Reference {
  uri: string
  /** Who sees the blob by it. */
  scope: string
}

const prefixOf = (did: string): string => `at://${did}/pds-blobstore.import/`

export const isStandIn = (did: string, uri: string): boolean => uri.startsWith(prefixOf(did))

/** The reference for a row of a table that references blobs. Only `record_blob` makes a blob visible to everybody. */
export function referenceFor(did: string, table: string, recordUri: string | null, cid: string): Reference {
  if (recordUri === null) return referenceWithoutRecord(did, cid, table === publicTable)
  if (table !== publicTable) {
    const scope = spaceOf(recordUri)
    if (recordUri.startsWith(`at://${did}/space/`) && isOwnUri(did, recordUri)) return { uri: recordUri, scope }
    return { uri: prefixOf(did) + hashOf(`${table} ${recordUri}`), scope }
  }
  if (isOwnUri(did, recordUri)) return { uri: recordUri, scope: publicScope }
  return { uri: prefixOf(did) + hashOf(recordUri), scope: publicScope }
}

/** For a blob that is kept although no known record references it. */
export function referenceWithoutRecord(did: string, cid: string, isPublic: boolean): Reference {
  const name = isPublic ? cid : `${cid}.space`
  return { uri: prefixOf(did) + name, scope: isPublic ? publicScope : unlisted }
}

/**
 * The space of a record, `at://{did}/space/{type}/{key}`; if that is not a valid scope, one scope for all such spaces.
 */
function spaceOf(recordUri: string): string {
  const space = /^at:\/\/[^/]+\/space\/[^/]+\/[^/]+/.exec(recordUri)?.[0]
  try {
    assertScope('', space)
    return space
  } catch {
    return unlisted
  }
}

/** Whether `applyWrites` accepts it as a record of the account. */
export function isOwnUri(did: string, uri: string): boolean {
  const own = `at://${did}/`
  return uri.startsWith(own) && uri.length <= own.length + 830 && printable(uri, uri.length) === uri
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40)
