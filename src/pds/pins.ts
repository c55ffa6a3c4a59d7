import { createBlobRef } from '../blob/blob-ref.ts'
import type { BlobCid } from '../blob/cid.ts'
import type { publicScope } from '../blob/scope.ts'
import type { BlobStore } from '../blob-store.ts'
import { isBlobStoreError } from '../errors.ts'
import type { RecordWrite } from '../store/calls.ts'
import { markGrammar, nextMark, nextTid, timeOfMark } from './mark.ts'

// What the PDS calls permanent is a reference: a pin, of a record that is not there. Its scope says who sees the blob.
//
// Each `makePermanent` makes a pin of its own, and in the same transaction drops those before it. So a deletion can name
// exactly the pins that it saw *before* it asked the PDS whether the blob is referenced: a pin made since, by an upload
// and a record that the answer does not know, has another name and stays.

/** The PDS has it, as far as is known in an open transaction. Nobody sees it by that before the PDS is asked. */
export const uncommitted = 'pds:uncommitted'
/** A moderator has taken it down. Nobody sees it by that. */
export const quarantined = 'pds:quarantined'
export type PinScope = typeof publicScope | typeof uncommitted | typeof quarantined

export interface Pin {
  uri: string
  mark: string
  /** Milliseconds since 1970. */
  madeAt: number
}

const prefixOf = (did: string, cid: BlobCid): string => `at://${did}/pds-blobstore.pin/${cid}.`

/** The pins of a blob, whatever their scope. */
export async function pinsOf(blobs: BlobStore, did: string, cid: BlobCid): Promise<Pin[]> {
  const prefix = prefixOf(did, cid)
  const uris = await blobs.recordsFor(did, cid)
  return uris.flatMap((uri) => {
    const mark = uri.startsWith(prefix) ? uri.slice(prefix.length) : ''
    return markGrammar.test(mark) ? [{ uri, mark, madeAt: timeOfMark(mark) }] : []
  })
}

/** Pins a blob, in place of the pins that it had. Resolves with whether the account holds it. */
export async function pin(blobs: BlobStore, did: string, cid: BlobCid, scope: PinScope): Promise<boolean> {
  return replacePins(blobs, did, cid, scope, await pinsOf(blobs, did, cid))
}

/** Pins a blob in place of these pins; others that it has by then stay. Resolves with whether the account holds it. */
export async function replacePins(
  blobs: BlobStore,
  did: string,
  cid: BlobCid,
  scope: PinScope,
  former: readonly Pin[],
): Promise<boolean> {
  const held = await blobs.stat(did, cid, { as: 'moderator' })
  if (!held) return false
  const uri = prefixOf(did, cid) + nextMark()
  const write: RecordWrite = { action: 'create', uri, scope, blobs: [{ ref: createBlobRef(held) }] }
  try {
    await blobs.applyWrites(did, [write, ...former.map(deletion)], { rev: nextTid() })
    return true
  } catch (error) {
    // It was collected since it was looked at.
    if (isBlobStoreError(error, 'BlobNotFound')) return false
    throw error
  }
}

/** Drops these pins. A blob that has no other is temporary again, with a new grace period. */
export async function unpin(blobs: BlobStore, did: string, pins: readonly Pin[]): Promise<void> {
  if (pins.length === 0) return
  await blobs.applyWrites(did, pins.map(deletion), { rev: nextTid() })
}

const deletion = ({ uri }: Pin): RecordWrite => ({ action: 'delete', uri })
