import type { BlobCid } from '../../blob/cid.ts'
import { parseMimeType } from '../../blob/mime.ts'
import type { BlobStore } from '../../blob-store.ts'
import { type BlobStoreErrorCode, isBlobStoreError } from '../../errors.ts'
import type { TransferJob } from '../../maintenance/transfer-job.ts'
import { UnreadableFile } from '../files.ts'
import type { TreeObject } from './pds-tree.ts'
import type { ImportReport } from './report.ts'

/** A blob as its source describes it. */
export interface Wanted {
  did: string
  cid: BlobCid
  mimeType: string | null
  createdAt: string | null
  /** Where its bytes may be, the likeliest place first. */
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

/** `damaged` lists the places where the bytes were not good before they were found. */
export type Taken =
  | { outcome: 'imported'; size: number; damaged: Damage[] }
  | { outcome: 'missing'; place: string }
  | { outcome: 'purged'; place: string }
  | { outcome: 'damaged'; place: string; error: Error }

/**
 * Stores the bytes of a blob as an upload of its account, from the first place that has good ones. They are copied, not
 * linked: the source program writes files in place, and its changes must not reach ours.
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
      // The source may have accepted an invalid type.
      mimeType: parseMimeType(wanted.mimeType ?? '') ?? undefined,
      createdAt: dateOf(wanted.createdAt ?? ''),
      enforceLimits: false,
      takenDown: 'store', // a takedown hides the blob, but must not lose it
      signal: job.signal,
    })
  }
  job.report.imported += 1
  job.report.bytes += object.size
}

/** The bytes are not those that they should be, or fewer or more. */
const damage: ReadonlySet<BlobStoreErrorCode> = new Set(['BlobDamaged', 'CidMismatch', 'InvalidSize'])

/** What a retry does not fix: other bytes, fewer or more, or unreadable ones. */
function isDamage(error: unknown): boolean {
  if (isBlobStoreError(error) && damage.has(error.code)) return true
  return (isBlobStoreError(error, 'UploadInterrupted') ? error.cause : error) instanceof UnreadableFile
}

function dateOf(text: string): Date | undefined {
  const date = new Date(text)
  return date.getTime() >= 0 ? date : undefined
}
