import type { BlobStore } from '../blob-store.ts'
import { isBlobStoreError } from '../errors.ts'
import type { TakedownRecord } from '../metadata/contract/accounts.ts'
import { assertDelay, assertOptions, invalidArgument } from '../options.ts'
import type { InspectionVerdict, UploadInspection } from '../store/hooks.ts'
import type { Inspector } from './inspector.ts'

export interface InspectAgainOptions {
  /** @default the hook `inspect` of the store */
  inspect?: Inspector | undefined
  /** Which of those that wait are inspected: by `ref`, the reason of their quarantine, for instance. @default all */
  only?: ((quarantined: TakedownRecord) => boolean) | undefined
  /** When `signal` of an inspection aborts, in milliseconds. @default 60_000 */
  timeout?: number | undefined
  signal?: AbortSignal | undefined
}

export interface InspectAgainReport {
  inspected: number
  /** How many were accepted now, and so released. */
  released: number
  /** How many could not be inspected, because their bytes are missing, damaged, or could not be read. They still wait. */
  unreadable: number
}

/** Errors of the bytes, not of the inspector. */
const unreadable = new Set<unknown>(['BlobMissing', 'BlobDamaged', 'StorageFailed'])

/**
 * Inspects what waits in quarantine once more, as after a scanner was down, the newest first, and releases what is accepted
 * now. What is not stays in quarantine, for a moderator: it refuses nothing by itself. A decision that a moderator makes
 * meanwhile stands. What is quarantined while it runs is left for the next call; any number of calls may run.
 *
 * Rejects with the error of an inspector that fails. What was released before stays released. A blob whose bytes cannot be
 * read is counted and left in quarantine, so that those behind it are inspected: `scrub` finds it too.
 *
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { inspectAgain } from 'pds-blobstore/inspect'
 *
 * declare const blobs: BlobStore
 * await inspectAgain(blobs, { only: ({ ref }) => ref?.includes('could not inspect') === true })
 * ```
 *
 * @throws `InvalidArgument`
 */
export async function inspectAgain(blobs: BlobStore, options: InspectAgainOptions = {}): Promise<InspectAgainReport> {
  assertOptions('inspectAgain', options, ['inspect', 'only', 'timeout', 'signal'])
  const { inspect = blobs.hooks.inspect, only = () => true, timeout = 60_000, signal } = options
  if (typeof inspect !== 'function')
    throw invalidArgument('inspectAgain', 'inspect is required: the store has no such hook')
  assertDelay('inspectAgain: timeout', timeout, 1)
  const report = { inspected: 0, released: 0, unreadable: 0 }
  for await (const { did, cid } of waiting(blobs, only, signal)) {
    let isUnreadable = false
    const upload = await inspectionOf(
      blobs,
      did,
      cid,
      AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]),
      () => {
        isUnreadable = true
      },
    )
    if (upload === null) continue
    let verdict: InspectionVerdict | undefined
    try {
      verdict = await inspect(upload)
    } catch (error) {
      if (!isUnreadable) throw error
    }
    // Even if an inspector accepted: it has not seen all bytes.
    if (isUnreadable) {
      report.unreadable += 1
      continue
    }
    report.inspected += 1
    if (verdict !== undefined) continue
    const { reversed } = await blobs.reverseTakedown(did, cid, { onlyQuarantined: true, signal })
    if (reversed) report.released += 1
  }
  return report
}

async function* waiting(
  blobs: BlobStore,
  only: (quarantined: TakedownRecord) => boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<TakedownRecord> {
  let cursor: string | undefined
  do {
    const page = await blobs.listTakedowns({ quarantined: true, limit: 100, cursor, signal })
    yield* page.items.filter(only)
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** Null if the account has lost the blob meanwhile. */
async function inspectionOf(
  blobs: BlobStore,
  did: string,
  cid: string,
  signal: AbortSignal,
  onUnreadable: () => void,
): Promise<UploadInspection | null> {
  const as = 'moderator'
  const blob = await blobs.stat(did, cid, { as, signal })
  if (blob === null) return null
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      yield* (await blobs.read(did, cid, { as, verify: true, signal })).chunks
    } catch (error) {
      // An inspector may wrap this error, or turn it into a verdict.
      if (!signal.aborted && isBlobStoreError(error) && unreadable.has(error.code)) onUnreadable()
      throw error
    }
  }
  return { did, cid, mimeType: blob.mimeType, size: blob.size, read, again: true, signal }
}
