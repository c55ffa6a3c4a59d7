import { setImmediate } from 'node:timers/promises'
import type { CallOptions } from '../backend/backend.ts'
import type { BlobCid } from '../blob/cid.ts'
import { alarm } from '../logger.ts'
import type { Ahead, ExpiredBlob } from '../metadata/contract/collection.ts'
import type { OpenPurge } from '../metadata/contract/purges.ts'
import { assertOptions } from '../options.ts'
import { forgetAccount } from '../store/accounts.ts'
import { type StoreContext, unusedDelay } from '../store/context.ts'
import { finishMeeting } from '../store/meeting.ts'
import { finishPurge } from '../store/purge.ts'
import { allowance } from '../store/upload/interruption.ts'
import { type CollectReport, type Run, retryDelay, type Step } from './collection.ts'
import { deleteDoomed } from './delete-doomed.ts'
import { expiredBlobs, type Held, heldBack } from './deletion-limit.ts'

export interface CollectOptions extends CallOptions {
  /** Deletes also what the deletion limit would hold back: see {@link CollectReport.stopped}. @default false */
  force?: boolean | undefined
  /** Only counts what would be deleted, and calls the hook `referenced` as it would be called. @default false */
  dryRun?: boolean | undefined
  /** Called after each batch with the report so far. */
  onProgress?: ((report: CollectReport) => void) | undefined
}

/** Rows of one transaction: few, because SQLite blocks all other writers meanwhile. */
const rowBatch = 100

/** Deletes what nothing needs, step by step. After each step the store is consistent, so it may stop anywhere. */
export async function collect(store: StoreContext, options: CollectOptions = {}): Promise<CollectReport> {
  assertOptions('collect', options, ['force', 'dryRun', 'onProgress', 'signal'])
  const { force = false, dryRun = false, onProgress, signal } = options
  const report: CollectReport = {
    expiredBlobs: 0,
    stopped: false,
    heldBlobs: 0,
    expiredUploads: 0,
    deletedKeys: 0,
    deletedBytes: 0,
    failedKeys: 0,
    waitingKeys: 0,
  }
  const run: Run = { store, report, signal, dryRun, held: null, down: new Set() }
  if (!force) holdBack(run, await heldBack(store.metadata, store.times.takedownHold))
  const steps = dryRun
    ? [expireBlobs]
    : [rightTimes, finishDeletions, finishPurges, expireBlobs, expireResumables, expireUploads, deleteDoomed]
  for (const step of steps) {
    for await (const _batch of step(run)) {
      onProgress?.({ ...report })
      await setImmediate()
      signal?.throwIfAborted()
    }
  }
  if (dryRun) return { ...report, ...(await countDue(store)) }
  report.waitingKeys = await store.metadata.countDoomed()
  return report
}

function holdBack(run: Run, held: Held): void {
  if (held.blobs === 0) return
  const { report, store } = run
  Object.assign(report, { stopped: true, heldBlobs: held.blobs })
  run.held = held
  alarm(
    store.logger,
    { accounts: held.accounts, blobs: held.blobs },
    `Collecting holds back ${held.blobs} blobs of ${held.accounts} accounts: each would lose more than a tenth of what it has at ` +
      'once, as if its records were deleted by mistake. They are deleted 7 days after they expired. Look at them with recordsFor(), or in ' +
      'the table blobstore_blob (was_referenced = 1, expires_at over); if this is intended, collect with force',
  )
}

async function countDue({ metadata }: StoreContext): Promise<Partial<CollectReport>> {
  const { uploads, keys, bytes } = await metadata.countDue()
  const waitingKeys = (await metadata.countDoomed()) - keys
  return { expiredUploads: uploads, deletedKeys: keys, deletedBytes: bytes, waitingKeys }
}

const rightTimes = ({ store }: Run): Step => bringBack(store, { limit: rowBatch, retry: retryDelay })

/** A crash may have left a deleted account half forgotten. */
async function* finishDeletions({ store, signal }: Run): Step {
  let unfinished: { did: string; mark: number }[]
  do {
    unfinished = await store.metadata.unfinishedDeletions(rowBatch)
    for (const { did, mark } of unfinished) await forgetAccount(store, did, mark, signal)
    yield
  } while (unfinished.length === rowBatch)
}

/** A crash may have stopped a purge, or a backend failed. */
async function* finishPurges({ store, signal, down }: Run): Step {
  const { metadata, logger } = store
  for (let after: string | undefined = ''; after !== undefined; ) {
    const open: OpenPurge[] = await metadata.openPurges({ after, limit: rowBatch })
    for (const { did, cid } of open) {
      const { remainingKeys, remaining } = await finishPurge(store, { did, cid }, { signal, down })
      if (remainingKeys > 0) {
        logger.warn(
          { did, cid, remainingKeys, remaining },
          'Bytes of a purge could not be deleted; they are tried again later',
        )
      }
      yield
    }
    after = open.length === rowBatch ? open.at(-1)?.id : undefined
  }
}

async function* expireBlobs(run: Run): Step {
  let batch: ExpiredBlob[] = []
  const { metadata, times } = run.store
  for await (const blob of expiredBlobs(metadata, times.takedownHold)) {
    if (run.held?.has(blob)) continue
    batch.push(blob)
    if (batch.length < rowBatch) continue
    await expireBatch(run, batch)
    batch = []
    yield
  }
  await expireBatch(run, batch)
  yield
}

async function expireBatch({ store, report, dryRun, signal }: Run, batch: readonly ExpiredBlob[]): Promise<void> {
  const { metadata, times } = store
  const { deleteDelay, takedownHold } = times
  for (const [did, blobs] of Map.groupBy(batch, (blob) => blob.did)) {
    // Also examines once those that are referenced, which have not expired.
    const some = dryRun ? blobs.filter((blob) => !blob.referenced) : blobs
    for (const { cid, waited } of some) if (waited) await finishMeeting(metadata, did, cid, { signal })
    const cids = some.map((blob) => blob.cid)
    const kept = await keptByHost(store, did, cids, dryRun)
    const gone = cids.filter((cid) => !kept.has(cid))
    if (gone.length === 0) continue
    const delays = { deleteDelay, takedownHold }
    report.expiredBlobs += dryRun ? gone.length : await metadata.collectBlobs(did, gone, delays)
  }
}

/**
 * Blobs that the host has records for, though none of their references is here. Postponed, so that others are examined.
 */
async function keptByHost(
  { hooks, metadata, times, logger }: StoreContext,
  did: string,
  cids: readonly BlobCid[],
  dryRun: boolean,
): Promise<Set<BlobCid>> {
  if (!hooks.referenced || cids.length === 0) return new Set()
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
  if (kept.size > 0 && !dryRun) await metadata.postponeBlobs(did, [...kept], { delay })
  return kept
}

async function* expireUploads({ store, report }: Run): Step {
  const { metadata } = store
  let expired: { did: string | null; key: string }[]
  do {
    expired = await metadata.expiredUploads(rowBatch)
    for (const { did, key } of expired) {
      const ended = await metadata.collectUpload(did, key, { unusedDelay: unusedDelay(store) })
      if (ended) report.expiredUploads += 1
    }
    yield
  } while (expired.length === rowBatch)
}

/** Before the uploads, whose rows name the bytes of their parts. */
async function* expireResumables({ store, report }: Run): Step {
  const { metadata } = store
  let expired: { did: string; id: string }[]
  do {
    expired = await metadata.expiredResumables(rowBatch)
    let forgotten = 0
    for (const { did, id } of expired) {
      const rows = await metadata.forgetResumable(did, id, rowBatch)
      forgotten += rows
      if (rows > 0) report.expiredUploads += 1
    }
    yield
    if (forgotten === 0) return
  } while (expired.length > 0)
}

/**
 * For a database clock that ran ahead and was corrected: dates that it wrote are replaced by the regular delay from
 * now. They do not count as due at once: a running upload keeps its lease, and doomed bytes are kept for a whole delete
 * delay, whichever of the two clocks is right.
 */
async function* bringBack({ metadata, logger }: StoreContext, options: Omit<Ahead, 'allowance'>): AsyncGenerator<void> {
  let rows = 0
  let changed: number
  do {
    changed = await metadata.bringBack({ ...options, allowance })
    rows += changed
    yield
  } while (changed > 0)
  if (rows === 0) return
  logger.warn(
    { rows },
    'The database’s clock ran ahead and was corrected: what would have waited until a date beyond every delay now waits for its delay from now',
  )
}
