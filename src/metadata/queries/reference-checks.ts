import type { Kysely } from 'kysely'
import { matchesAccept } from '../../blob/mime.ts'
import { isSameType } from '../../blob/same-type.ts'
import { BlobStoreError } from '../../errors.ts'
import { printable } from '../../printable.ts'
import type { WantedRef } from '../contract/references.ts'
import type { Tables } from '../schema/tables.ts'
import { type Statement, statement } from '../statement.ts'
import type { Step } from '../step.ts'
import type { DifferingClaim } from '../types.ts'
import { forbidden, isForbidden } from './quarantine-rows.ts'
import { chunks } from './walks.ts'

interface Held {
  mimeType: string
  size: number
  /** Taken down, and not only quarantined. */
  forbidden: boolean
}

/** A reference to a blob that the account holds. */
export interface MetNaming extends Naming {
  /** What the record claims, if it differs from the blob as it is held; see `RefTable`. */
  claimed: Claim | null
}

export interface Sorted {
  met: MetNaming[]
  expected: Naming[]
  differing: DifferingClaim[]
}

interface Claim {
  mimeType: string | null
  size: number | null
}

/**
 * Checks every reference of new records, each time a record is written and not only the first time: otherwise a second
 * record could name the blob with any type and size. A record may repeat the claims that it was imported with. Resolves
 * with the references to blobs that the account holds; throws before anything is written.
 */
export function* checkReferences(db: Kysely<Tables>, did: string, namings: readonly Naming[]): Step<MetNaming[]> {
  const held = yield* heldAmong(db, did, namings)
  const met: MetNaming[] = []
  for (const naming of namings) {
    const blob = held.get(naming.cid)
    if (blob?.forbidden ?? (yield* isForbidden(db, did, naming.cid))) {
      throw refusal('BlobTakenDown', 'was taken down', did, naming)
    }
    if (naming.size === undefined) {
      throw refusal(
        'InvalidBlobRef',
        'is named in the legacy form { cid, mimeType }, which may be read but not written',
        did,
        naming,
      )
    }
    if (!blob) throw refusal('BlobNotFound', 'is not held: upload it first', did, naming)
    const claimed = fits(naming, blob) ? null : yield* importedClaim(db, did, naming)
    if (claimed === null || !fits(naming, wanted(blob, claimed))) assertFits(did, naming, blob)
    assertAccepted(did, naming, blob)
    met.push({ ...naming, claimed })
  }
  return met
}

/**
 * Sorts the references of imported records. They are not checked: the CID proves the bytes, and what a record claims is
 * stored. Resolves with the references to blobs that the account holds, those that wait for their blob, and the claims
 * that differ from the blob.
 */
export function* sortReferences(db: Kysely<Tables>, did: string, namings: readonly Naming[]): Step<Sorted> {
  const held = yield* heldAmong(db, did, namings)
  const met: MetNaming[] = []
  const expected: Naming[] = []
  const differing: DifferingClaim[] = []
  for (const naming of namings) {
    const blob = held.get(naming.cid)
    if (!blob) {
      expected.push(naming)
      continue
    }
    const { cid, recordUri, mimeType, size = null } = naming
    const claim = {
      mimeType: mimeType === blob.mimeType ? null : mimeType,
      size: size === blob.size ? null : size,
    }
    met.push({ ...naming, claimed: claim.mimeType === null && claim.size === null ? null : claim })
    if (!fits(naming, blob)) differing.push({ cid, recordUri, mimeType, size })
  }
  return { met, expected, differing }
}

function* heldAmong(db: Kysely<Tables>, did: string, namings: readonly Naming[]): Step<Map<string, Held>> {
  const held = new Map<string, Held>()
  for (const some of chunks([...new Set(namings.map((naming) => naming.cid))])) {
    const { rows } = yield* findBlobs(db, { did, cids: some })
    for (const { cid, mime_type: mimeType, size, forbidden } of rows) {
      held.set(cid, { mimeType, size: Number(size), forbidden: Boolean(forbidden) })
    }
  }
  return held
}

interface FoundBlob {
  cid: string
  mime_type: string
  size: number
  forbidden: unknown
}

export const findBlobs: Statement<{ did: string; cids: readonly string[] }, FoundBlob> = statement(
  (db, { did, cids }) =>
    db
      .selectFrom('blobstore_blob')
      .select(['cid', 'mime_type', 'size'])
      .select((eb) => forbidden(db, did, eb.ref('blobstore_blob.cid')).as('forbidden'))
      .where('did', '=', did)
      .where('cid', 'in', cids),
)

/** What the record claimed when it was imported. */
function* importedClaim(db: Kysely<Tables>, did: string, { cid, recordUri }: Naming): Step<Claim | null> {
  const { rows } = yield* findClaim(db, { did, cid, recordUri })
  const row = rows[0]
  if (!row || (row.claimed_type === null && row.claimed_size === null)) return null
  return { mimeType: row.claimed_type, size: row.claimed_size === null ? null : Number(row.claimed_size) }
}

const findClaim = statement((db, { did, cid, recordUri }: { did: string; cid: string; recordUri: string }) =>
  db
    .selectFrom('blobstore_ref')
    .select(['claimed_type', 'claimed_size'])
    .where('did', '=', did)
    .where('cid', '=', cid)
    .where('record_uri', '=', recordUri),
)

/** The blob with the type and size that the imported record claims. */
const wanted = (held: Held, claim: Claim): Pick<Held, 'mimeType' | 'size'> => ({
  mimeType: claim.mimeType ?? held.mimeType,
  size: claim.size ?? held.size,
})

function fits({ mimeType, size }: Naming, held: Pick<Held, 'mimeType' | 'size'>): boolean {
  return isSameType(mimeType, held.mimeType) && (size === undefined || size === held.size)
}

function assertFits(did: string, naming: Naming, held: Held): void {
  const { mimeType, size } = naming
  if (!isSameType(mimeType, held.mimeType)) {
    throw refusal('InvalidMimeType', `is named as ${mimeType}, but was stored as ${held.mimeType}`, did, naming)
  }
  if (size !== held.size) {
    throw refusal('InvalidSize', `is named with ${size} bytes, but has ${held.size}`, did, naming)
  }
}

function assertAccepted(did: string, naming: Naming, held: Held): void {
  const { mimeType, accept, maxSize } = naming
  // Lexicons spell types as records do: both may say image/jpg.
  if (accept && !matchesAccept(held.mimeType, accept) && !matchesAccept(mimeType, accept)) {
    throw refusal('InvalidMimeType', `is ${held.mimeType}; the record accepts ${accept.join(', ')}`, did, naming)
  }
  if (maxSize !== undefined && held.size > maxSize) {
    throw refusal('PayloadTooLarge', `has ${held.size} bytes; the record accepts ${maxSize}`, did, naming)
  }
}

/** Whether a record may reference its blob, if the blob is what the record says. Then {@link checkReferences} accepts it. */
export const acceptsItsClaim = ({ mimeType, size, accept, maxSize }: Naming): boolean =>
  size !== undefined && size <= (maxSize ?? size) && (!accept || matchesAccept(mimeType, accept))

function refusal(
  code: 'BlobNotFound' | 'BlobTakenDown' | 'InvalidBlobRef' | 'InvalidMimeType' | 'InvalidSize' | 'PayloadTooLarge',
  what: string,
  did: string,
  { cid, recordUri }: Naming,
): BlobStoreError {
  return new BlobStoreError(code, `Blob ${cid} in ${printable(recordUri, 300)} ${what}`, { did, cid })
}

/** One record names one blob. */
export interface Naming extends WantedRef {
  recordUri: string
  scope: string
  rev: string
}
