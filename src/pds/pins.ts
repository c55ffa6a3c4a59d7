import { createBlobRef } from '../blob/blob-ref.ts'
import type { BlobCid } from '../blob/cid.ts'
import { internalCollection } from '../blob/record-uri.ts'
import { internalSpace, type SpaceUri } from '../blob/spaces.ts'
import type { BlobStore } from '../blob-store.ts'
import { isBlobStoreError } from '../errors.ts'
import type { RecordWrite } from '../store/calls.ts'
import { markGrammar, nextMark, nextTid, timeOfMark } from './mark.ts'

// What the PDS calls permanent becomes a reference: a pin, of a record that does not exist. The place of that record
// decides who sees the blob: everyone, if it is among the public records; no reader, if it is in a space of the
// library's own.
//
// Each `makePermanent` creates a new pin, and in the same transaction removes those before it. So a deletion can name
// exactly the pins that it saw *before* it asked the PDS whether the blob is referenced: a pin that was created since,
// by an upload and a record that the answer does not include, has another name and stays.
//
// A pin replaces only those that were read before: if there are others by then, nothing is written. So if a moderator
// acts while the PDS is asked, the result is not overwritten.

/** The PDS has it, as far as known in an open transaction. Nobody sees it until the PDS is asked. */
export const uncommitted = 'uncommitted'
/** A moderator has taken it down. Nobody sees it. */
export const quarantined = 'quarantined'
/** What references it in the PDS is not for everybody, such as a record in a permissioned space. */
export const unlisted = 'unlisted'
/** Who sees a blob through its pin. */
export type PinView = 'public' | typeof uncommitted | typeof quarantined | typeof unlisted

/** The references of a blob, as they were read. */
export interface Pins {
  cid: BlobCid
  pins: readonly Pin[]
  recordUris: readonly string[]
}

export interface Pin {
  uri: string
  mark: string
  /** Milliseconds since 1970. */
  madeAt: number
}

/** The space of pins through which no reader sees the blob. */
export const pinSpace = (did: string, view: Exclude<PinView, 'public'>): SpaceUri => internalSpace(did, view)

const repositoryOf = (did: string, view: PinView): string =>
  view === 'public'
    ? `at://${did}/${internalCollection('pin')}`
    : `${pinSpace(did, view)}/${did}/pds-blobstore.internal.pin`

const prefixOf = (did: string, view: PinView, cid: BlobCid): string => `${repositoryOf(did, view)}/${cid}.`

const views = ['public', uncommitted, quarantined, unlisted] as const

/** All pins of a blob, public or not. */
export async function pinsOf(blobs: BlobStore, did: string, cid: BlobCid): Promise<Pins> {
  const prefixes = views.map((view) => prefixOf(did, view, cid))
  const recordUris = await blobs.recordsFor(did, cid)
  const pins = recordUris.flatMap((uri) => {
    const prefix = prefixes.find((prefix) => uri.startsWith(prefix))
    const mark = prefix === undefined ? '' : uri.slice(prefix.length)
    return markGrammar.test(mark) ? [{ uri, mark, madeAt: timeOfMark(mark) }] : []
  })
  return { cid, pins, recordUris }
}

/** Whether a blob has a pin of this kind, through which no reader sees it. False if it is taken down. */
export async function isPinned(
  blobs: BlobStore,
  did: string,
  cid: BlobCid,
  view: Exclude<PinView, 'public'>,
): Promise<boolean> {
  return (await blobs.stat(did, cid, { space: pinSpace(did, view) })) !== null
}

/** Pins a blob in place of its existing pins. Resolves with whether the account holds it. */
export async function pin(blobs: BlobStore, did: string, cid: BlobCid, view: PinView): Promise<boolean> {
  while (true) {
    const outcome = await replacePins(blobs, did, view, await pinsOf(blobs, did, cid))
    if (outcome !== 'changed') return outcome === 'pinned'
  }
}

/**
 * Pins a blob in place of the pins that were read.
 *
 * - `pinned`: it has this pin, and no other
 * - `changed`: others were created or removed since; nothing was written
 * - `missing`: the account does not hold it
 */
export async function replacePins(
  blobs: BlobStore,
  did: string,
  view: PinView,
  { cid, pins, recordUris }: Pins,
): Promise<'pinned' | 'changed' | 'missing'> {
  const held = await blobs.stat(did, cid, { as: 'moderator' })
  if (!held) return 'missing'
  const uri = prefixOf(did, view, cid) + nextMark()
  const write: RecordWrite = { action: 'create', uri, blobs: [{ ref: createBlobRef(held) }] }
  try {
    const options = { rev: nextTid(), onlyIf: { cid, recordUris } }
    const { applied } = await blobs.applyWrites(did, [write, ...pins.map(deletion)], options)
    return applied ? 'pinned' : 'changed'
  } catch (error) {
    // It was collected since it was read.
    if (isBlobStoreError(error, 'BlobNotFound')) return 'missing'
    // An upload has given it another type since.
    if (isBlobStoreError(error, 'InvalidMimeType')) return 'changed'
    throw error
  }
}

/** Removes these pins. A blob without another pin is temporary again, with a new grace period. */
export async function unpin(blobs: BlobStore, did: string, pins: readonly Pin[]): Promise<void> {
  if (pins.length === 0) return
  await blobs.applyWrites(did, pins.map(deletion), { rev: nextTid() })
}

const deletion = ({ uri }: Pin): RecordWrite => ({ action: 'delete', uri })
