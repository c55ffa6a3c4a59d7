import { setImmediate } from 'node:timers/promises'
import type { CallOptions } from '../backend/backend.ts'
import type { BlobCid } from '../blob/cid.ts'
import type { DoomedKey } from '../metadata/garbage.ts'
import { assertOptions } from '../options.ts'
import { forgetAccount } from '../store/accounts.ts'
import { type StoreContext, unusedDelay } from '../store/context.ts'
import { brakeAt } from './brake.ts'

export interface CollectOptions extends CallOptions {
  /** Goes on when more than a tenth of all blobs, and more than 100, were referenced once and have expired. @default false */
  force?: boolean | undefined
  /** Only counts what would go in the first round. @default false */
  dryRun?: boolean | undefined
  /** Called after each batch with what was done so far. */
  onProgress?: ((report: CollectReport) => void) | undefined
}

export interface CollectReport {
  /** Temporary blobs whose grace period was over. */
  expiredBlobs: number
  /** Whether the brake stopped it: too many that were referenced once had expired, and none was deleted. */
  stopped: boolean
  /** Uploads whose lease was over. */
  expiredUploads: number
  /** Keys deleted from the backend, and their bytes as far as known. */
  deletedKeys: number
  deletedBytes: number
  /** Keys that the backend could not delete; they are tried again. */
  failedKeys: number
  /** Keys that wait for the end of their delete delay, or for another try. */
  waitingKeys: number
}

/** Rows of one transaction: few, since SQLite lets nobody else write meanwhile. */
const rowBatch = 100
/** Keys of one deletion: as many as S3 takes at once. */
const keyBatch = 1000
/** When what could not be deleted is tried again, in milliseconds. */
const retryDelay = 10 * 60_000

/** Deletes what nothing needs, step by step; each step leaves the store right, so it may stop anywhere. */
export async function collect(store: StoreContext, options: CollectOptions = {}): Promise<CollectReport> {
  assertOptions('collect', options, ['force', 'dryRun', 'onProgress', 'signal'])
  const report: CollectReport = {
    expiredBlobs: 0,
    stopped: false,
    expiredUploads: 0,
    deletedKeys: 0,
    deletedBytes: 0,
    failedKeys: 0,
    waitingKeys: 0,
  }
  report.stopped = !options.force && (await isTooMuch(store))
  if (options.dryRun) return { ...report, ...(await countDue(store)) }
  const steps = [finishDeletions, ...(report.stopped ? [] : [expireBlobs]), expireUploads, deleteDoomed]
  for (const step of steps) {
    let more = true
    while (more) {
      options.signal?.throwIfAborted()
      more = await step(store, report, options.signal)
      options.onProgress?.({ ...report })
      await setImmediate()
    }
  }
  report.waitingKeys = await store.metadata.countDoomed()
  return report
}

async function isTooMuch({ metadata, logger }: StoreContext): Promise<boolean> {
  const few = brakeAt(0)
  if ((await metadata.countExpired(few + 1)) <= few) return false
  const blobs = await metadata.countBlobs()
  const most = brakeAt(blobs)
  const expired = await metadata.countExpired(most + 1)
  if (expired <= most) return false
  logger.error(
    { expired, blobs },
    'Collecting stopped: more than a tenth of all blobs have expired. If that is meant, force it',
  )
  return true
}

async function countDue({ metadata }: StoreContext): Promise<Partial<CollectReport>> {
  const { blobs, uploads, keys, bytes } = await metadata.countDue()
  return {
    expiredBlobs: blobs,
    expiredUploads: uploads,
    deletedKeys: keys,
    deletedBytes: bytes,
    waitingKeys: (await metadata.countDoomed()) - keys,
  }
}

/** A crash may have left a deleted account half forgotten. */
async function finishDeletions(store: StoreContext, _report: CollectReport, signal?: AbortSignal): Promise<boolean> {
  const unfinished = await store.metadata.unfinishedDeletions(rowBatch)
  for (const { did, mark } of unfinished) await forgetAccount(store, did, mark, signal)
  return unfinished.length === rowBatch
}

async function expireBlobs(store: StoreContext, report: CollectReport): Promise<boolean> {
  const { metadata, times } = store
  const expired = await metadata.expiredBlobs(rowBatch)
  const byAccount = Map.groupBy(expired, (blob) => blob.did)
  for (const [did, blobs] of byAccount) {
    const cids = blobs.map((blob) => blob.cid)
    const kept = await keptByHost(store, did, cids)
    const gone = cids.filter((cid) => !kept.has(cid))
    if (gone.length === 0) continue
    report.expiredBlobs += await metadata.collectBlobs(did, gone, { deleteDelay: times.deleteDelay })
  }
  return expired.length === rowBatch
}

/** Those that the host has records of, though none of its references is here. Postponed, so that others get their turn. */
async function keptByHost(
  { hooks, metadata, times, logger }: StoreContext,
  did: string,
  cids: readonly BlobCid[],
): Promise<Set<BlobCid>> {
  if (!hooks.referenced) return new Set()
  let kept: Set<BlobCid>
  let delay = Math.max(times.grace, retryDelay)
  try {
    const named = new Set(await hooks.referenced(did, cids))
    kept = new Set(cids.filter((cid) => named.has(cid)))
  } catch (error) {
    logger.error({ err: error, did }, 'The hook referenced failed: no blob of this account is collected now')
    kept = new Set(cids)
    delay = retryDelay
  }
  if (kept.size > 0) await metadata.postponeBlobs(did, [...kept], { delay })
  return kept
}

async function expireUploads(store: StoreContext, report: CollectReport): Promise<boolean> {
  const { metadata } = store
  const expired = await metadata.expiredUploads(rowBatch)
  for (const { did, key } of expired) {
    const ended = await metadata.collectUpload(did, key, { unusedDelay: unusedDelay(store) })
    if (ended) report.expiredUploads += 1
  }
  return expired.length === rowBatch
}

async function deleteDoomed(store: StoreContext, report: CollectReport, signal?: AbortSignal): Promise<boolean> {
  const { metadata, logger } = store
  const due = await metadata.dueKeys(keyBatch)
  const charges = due.filter((doomed) => doomed.backend === null)
  const stored = due.filter((doomed) => doomed.backend !== null)
  const failures = new Map<string, Error>()
  for (const [name, doomed] of Map.groupBy(stored, ({ backend }) => backend ?? '')) {
    for (const [key, error] of await deleteKeys(store, name, doomed, signal)) failures.set(key, error)
  }
  const gone = stored.filter((doomed) => !failures.has(doomed.key))
  // The tombstone goes only after the bytes are known to be gone.
  await metadata.forgetKeys([...gone, ...charges])
  for (const [key, error] of failures) {
    logger.warn({ err: error, key }, 'Bytes could not be deleted; they are tried again later')
    await metadata.postponeKey(key, { error: error.message, delay: retryDelay })
  }
  report.deletedKeys += gone.length
  report.deletedBytes += gone.reduce((sum, doomed) => sum + doomed.size, 0)
  report.failedKeys += failures.size
  return due.length === keyBatch
}

/** Those that could not be deleted, and why. */
async function deleteKeys(
  { backends }: StoreContext,
  backend: string,
  doomed: readonly DoomedKey[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Error>> {
  const keys = doomed.map(({ key }) => key)
  try {
    return await backends.of(backend).delete(keys, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    const failure = error instanceof Error ? error : new Error(String(error))
    return new Map(keys.map((key) => [key, failure]))
  }
}
