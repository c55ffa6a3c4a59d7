import type { BlobCid } from '../../blob/cid.ts'
import { parseMimeType } from '../../blob/mime.ts'
import type { BlobStore } from '../../blob-store.ts'
import { type BlobStoreErrorCode, isBlobStoreError } from '../../errors.ts'
import type { TransferJob } from '../../maintenance/transfer-job.ts'
import { UnreadableFile } from '../files.ts'
import type { TreeObject } from './pds-tree.ts'
import type { ImportReport } from './report.ts'

/** A blob as its source knows it. */
export interface Wanted {
  did: string
  cid: BlobCid
  mimeType: string | null
  createdAt: string | null
  /** Where its bytes may be, the likeliest first. */
  places: readonly Place[]
}

export interface Place {
  /** For reports. */
  at: string
  open(signal: AbortSignal | undefined): Promise<TreeObject | null>
}

type Intake = Pick<TransferJob<ImportReport>, 'dryRun' | 'signal' | 'wait' | 'report'>

interface Damage {
  place: string
  error: Error
}

/** In `damaged` stands where it was not good before it was found. */
export type Taken =
  | { outcome: 'imported'; size: number; damaged: Damage[] }
  | { outcome: 'missing'; place: string }
  | { outcome: 'purged'; place: string }
  | { outcome: 'damaged'; place: string; error: Error }

/**
 * Takes in the bytes of a blob as an upload of its account, from the first place that has good ones. They are copied, and
 * not linked: the program that they come from writes files in place, and what it does to its own must not reach ours.
 */
export async function takeIn(blobs: BlobStore, wanted: Wanted, job: Intake): Promise<Taken> {
  const damaged: Damage[] = []
  for (const place of wanted.places) {
    try {
      const object = await place.open(job.signal)
      if (!object) continue
      try {
        await takeInObject(blobs, wanted, object, job)
        return { outcome: 'imported', size: object.size, damaged }
      } finally {
        await object.close()
      }
    } catch (error) {
      // What is only taken down is stored, hidden.
      if (isBlobStoreError(error, 'BlobTakenDown')) return { outcome: 'purged', place: place.at }
      if (!isDamage(error)) throw error
      damaged.push({ place: place.at, error: error as Error })
    }
  }
  const last = damaged.at(-1)
  if (last) return { outcome: 'damaged', ...last }
  return { outcome: 'missing', place: wanted.places[0]?.at ?? '' }
}

async function takeInObject(blobs: BlobStore, wanted: Wanted, object: TreeObject, job: Intake): Promise<void> {
  const { did, cid } = wanted
  if (!job.dryRun) {
    await job.wait(object.size)
    await blobs.upload(did, object.body, {
      cid,
      size: object.size,
      // The source may have taken what is no type.
      mimeType: parseMimeType(wanted.mimeType ?? '') ?? undefined,
      createdAt: dateOf(wanted.createdAt ?? ''),
      enforceLimits: false,
      takenDown: 'store', // a takedown hides it, and must not make it be lost
      signal: job.signal,
    })
  }
  job.report.imported += 1
  job.report.bytes += object.size
}

/** The bytes are others, or fewer or more, than they should be. */
const damage: ReadonlySet<BlobStoreErrorCode> = new Set(['BlobDamaged', 'CidMismatch', 'InvalidSize'])

/** What trying again does not fix: the bytes are others, fewer or more than they were, or cannot be read. */
function isDamage(error: unknown): boolean {
  if (isBlobStoreError(error) && damage.has(error.code)) return true
  return (isBlobStoreError(error, 'UploadInterrupted') ? error.cause : error) instanceof UnreadableFile
}

function dateOf(text: string): Date | undefined {
  const date = new Date(text)
  return date.getTime() >= 0 ? date : undefined
}
