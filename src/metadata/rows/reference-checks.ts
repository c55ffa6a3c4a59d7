import type { Kysely } from 'kysely'
import { matchesAccept } from '../../blob/mime.ts'
import { BlobStoreError } from '../../errors.ts'
import { printable } from '../../printable.ts'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'
import { chunks } from './chunks.ts'
import type { Naming } from './reference-steps.ts'
import { isTakenDown, takenDown } from './takedown-steps.ts'

interface Held {
  mimeType: string
  size: number
  takenDown: boolean
}

/**
 * Checks every reference, each time it is written and not only the first: else a second record could name the blob
 * with any type and size. Resolves with those that the account's blobs meet, and those that are to be expected;
 * throws before anything is written.
 */
export async function checkReferences(
  db: Kysely<Tables>,
  did: string,
  namings: readonly Naming[],
  missing: 'reject' | 'expect',
): Promise<{ met: Naming[]; expected: Naming[] }> {
  const cids = [...new Set(namings.map((naming) => naming.cid))]
  const held = await heldAmong(db, did, cids)
  const met: Naming[] = []
  const expected: Naming[] = []
  if (missing === 'expect') {
    for (const naming of namings) (fits(naming, held.get(naming.cid)) ? met : expected).push(naming)
    return { met, expected }
  }
  for (const naming of namings) {
    const blob = held.get(naming.cid)
    if (blob?.takenDown ?? (await isTakenDown(db, did, naming.cid))) {
      throw refusal('BlobTakenDown', 'was taken down', did, naming)
    }
    assertFits(did, naming, blob)
    met.push(naming)
  }
  return { met, expected }
}

async function heldAmong(db: Kysely<Tables>, did: string, cids: readonly string[]): Promise<Map<string, Held>> {
  const held = new Map<string, Held>()
  for (const some of chunks(cids)) {
    const { rows } = await findBlobs(db, { did, cids: some })
    for (const { cid, mime_type: mimeType, size, taken_down } of rows) {
      held.set(cid, { mimeType, size: Number(size), takenDown: Boolean(taken_down) })
    }
  }
  return held
}

const findBlobs = statement((db, { did, cids }: { did: string; cids: readonly string[] }) =>
  db
    .selectFrom('blobstore_blob')
    .select(['cid', 'mime_type', 'size'])
    .select((eb) => takenDown(db, did, eb.ref('blobstore_blob.cid')).as('taken_down'))
    .where('did', '=', did)
    .where('cid', 'in', cids),
)

function fits(naming: Naming, held: Held | undefined): boolean {
  if (!held || held.mimeType !== naming.mimeType) return false
  return naming.size === undefined || naming.size === held.size
}

function assertFits(did: string, naming: Naming, held: Held | undefined): void {
  const { mimeType, size, accept, maxSize } = naming
  if (size === undefined) {
    throw refusal(
      'InvalidBlobRef',
      'is named in the legacy form { cid, mimeType }, which may be read but not written',
      did,
      naming,
    )
  }
  if (!held) throw refusal('BlobNotFound', 'is not held: upload it first', did, naming)
  if (mimeType !== held.mimeType) {
    throw refusal('InvalidMimeType', `is named as ${mimeType}, but was stored as ${held.mimeType}`, did, naming)
  }
  if (size !== held.size) {
    throw refusal('InvalidSize', `is named with ${size} bytes, but has ${held.size}`, did, naming)
  }
  if (accept && !matchesAccept(held.mimeType, accept)) {
    throw refusal('InvalidMimeType', `is ${held.mimeType}; the record accepts ${accept.join(', ')}`, did, naming)
  }
  if (maxSize !== undefined && held.size > maxSize) {
    throw refusal('PayloadTooLarge', `has ${held.size} bytes; the record accepts ${maxSize}`, did, naming)
  }
}

function refusal(
  code: 'BlobNotFound' | 'BlobTakenDown' | 'InvalidBlobRef' | 'InvalidMimeType' | 'InvalidSize' | 'PayloadTooLarge',
  what: string,
  did: string,
  { cid, recordUri }: Naming,
): BlobStoreError {
  return new BlobStoreError(code, `Blob ${cid} in ${printable(recordUri, 300)} ${what}`, { did, cid })
}
