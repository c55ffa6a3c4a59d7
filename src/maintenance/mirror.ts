import { setImmediate } from 'node:timers/promises'
import type { BlobBackend } from '../backend/backend.ts'
import { isLastingFailure } from '../backend/lasting-failure.ts'
import { pagesOf } from '../backend/pages.ts'
import { untilAborted } from '../backend/until-aborted.ts'
import { type BlobCid, cidOfStream } from '../blob/cid.ts'
import { type BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { MirroredCopy, MirrorSteps, WaitingContent } from '../metadata/contract/mirror.ts'
import { assertOptions, assertWhole, invalidArgument } from '../options.ts'
import { type StoreContext, unusedDelay } from '../store/context.ts'
import type { Mirror } from '../store/mirror/mirror.ts'
import { putCopy } from './replace.ts'
import { TransferJob, type TransferOptions, transferOptions } from './transfer-job.ts'

export interface MirrorRunOptions extends TransferOptions<MirrorReport> {
  /**
   * Also compares everything that the mirror holds with the database: finds content that was never queued for it, copies
   * that nothing needs any more, and bytes that no row knows.
   * @default if this process has not done so for a day
   */
  compare?: boolean | undefined
  /**
   * Also reads and hashes copies that were not verified within so many milliseconds. A bad one is made again.
   * @default none
   */
  verifyOlderThan?: number | undefined
  /** Begins with an empty mirror, because the one that there was is lost: forgets what was copied. @default false */
  begin?: boolean | undefined
  /**
   * Gives up the mirror, and does nothing else: no purge waits for it any more. Its bytes stay where they are, also purged
   * ones, and are the host's to erase. Only for a store without the option `mirror`, which no process may have any more.
   * @default false
   */
  forget?: boolean | undefined
}

export interface MirrorFinding {
  cid: string
  key: string
  /**
   * `missing`, `damaged`: the backend's bytes cannot be copied; `copyDamaged`: the mirror's are missing, damaged or, if
   * there is an `error`, unreadable for good, and are made again; `failed`: backend, mirror or database failed, and the
   * next run tries again.
   */
  problem: 'missing' | 'damaged' | 'copyDamaged' | 'failed'
  error?: Error
}

export interface MirrorReport {
  /** Objects examined: what waited, and copies that were verified. */
  examined: number
  /** What waited to be copied at the beginning. A dry run reports nothing else. */
  waiting: number
  waitingBytes: number
  /** What was copied. */
  copied: number
  bytes: number
  /** Copies that were read again and are good. */
  verified: number
  /** Copies that nothing has needed for the delay: the next collection deletes them. */
  deleted: number
  findings: MirrorFinding[]
}

const pageSize = 100
/** Rows of one transaction that compares: few, because SQLite blocks all other writers meanwhile. */
const rowBatch = 500
const compareEvery = 86_400_000

/** Copies what is not in the mirror yet, until nothing is left. May be killed at any time, and run in several processes. */
export async function mirror(store: StoreContext, options: MirrorRunOptions = {}): Promise<MirrorReport> {
  assertOptions('mirror', options, ['compare', 'verifyOlderThan', 'begin', 'forget', ...transferOptions])
  const { verifyOlderThan, begin = false, forget = false, compare } = options
  if (forget) return forgetMirror(store, options)
  if (verifyOlderThan !== undefined) assertWhole('mirror: verifyOlderThan', verifyOlderThan, 0)
  const place = mirrorOf(store, 'mirror')
  const steps = await store.metadata.mirror()
  const report = emptyReport()
  const job = new TransferJob('mirror', report, options)
  if (job.dryRun) return { ...report, ...(await waitingNow(store, steps)) }
  if (begin) await untilAborted(place.begin(), job.signal)
  const backend = await place.openToWrite({ renew: true, signal: job.signal })
  const run: Run = { store, steps, backend, place, job }
  const isDue = performance.now() - place.comparedAt > compareEvery
  if (compare ?? isDue) await compareAll(run)
  Object.assign(report, await waitingNow(store, steps))
  await copyWaiting(run)
  if (verifyOlderThan !== undefined) await verifyCopies(run, verifyOlderThan)
  // A restored database has forgotten what it needs: it copies, and deletes nothing.
  if (!(await store.metadata.condition()).restored) report.deleted = await doomUnneeded(run)
  tell(store, report)
  return report
}

async function forgetMirror(store: StoreContext, { signal }: MirrorRunOptions): Promise<MirrorReport> {
  if (store.backends.mirror)
    throw invalidArgument('mirror: forget', 'first remove the option `mirror` from every process')
  const steps = await store.metadata.mirror()
  while (!(await steps.replaceMirror(null, rowBatch))) await breathe(signal)
  let after: string | null = ''
  while (after !== null) {
    after = await steps.forgetDoomed({ after, limit: rowBatch })
    await breathe(signal)
  }
  return emptyReport()
}

async function doomUnneeded({ steps, place, job }: Run): Promise<number> {
  let doomed = 0
  while (true) {
    const some = await steps.doomUnneeded({ delay: place.delay, limit: rowBatch })
    doomed += some.doomed
    if (some.examined < rowBatch) return doomed
    await breathe(job.signal)
  }
}

/** One line, because after the loss of a disk there are as many findings as objects, each minute. */
function tell({ logger }: StoreContext, { findings }: MirrorReport): void {
  if (findings.length === 0) return
  const some = findings.slice(0, 3).map(({ cid, problem, error }) => ({ cid, problem, error: error?.message }))
  logger.error({ findings: findings.length, some }, 'Bytes could not be copied to the mirror, or were damaged there')
}

async function waitingNow({ metadata }: StoreContext, steps: MirrorSteps) {
  if ((await steps.mirrorId()) === null) {
    const { storedCount, storedBytes } = await metadata.stats()
    return { waiting: storedCount, waitingBytes: storedBytes }
  }
  const { objects, bytes } = await steps.lag({ most: Number.MAX_SAFE_INTEGER })
  return { waiting: objects, waitingBytes: bytes }
}

/** @throws `InvalidArgument` if the store has no mirror */
export function mirrorOf({ backends }: StoreContext, what: string): Mirror {
  if (backends.mirror) return backends.mirror
  throw invalidArgument(what, 'this store has no mirror: give createBlobStore the option `mirror`')
}

interface Run {
  store: StoreContext
  steps: MirrorSteps
  backend: BlobBackend
  place: Mirror
  job: TransferJob<MirrorReport>
}

function emptyReport(): MirrorReport {
  return { examined: 0, waiting: 0, waitingBytes: 0, copied: 0, bytes: 0, verified: 0, deleted: 0, findings: [] }
}

/** After a run that gave up it continues behind: what cannot be read must not keep the rest waiting for ever. */
async function copyWaiting(run: Run): Promise<void> {
  const { steps, job, place } = run
  let after = place.reached
  while (true) {
    const page: WaitingContent[] = await steps.waiting({ after, limit: pageSize })
    const last = page.at(-1)
    if (!last) {
      place.reached = null
      return
    }
    await job.forEach(
      page,
      (content) => copyOne(run, content),
      ({ cid, key }, error) => ({ cid, key, problem: 'failed', error }),
    )
    after = last
    await place.openToWrite({ signal: job.signal }) // says again that it is in use, and notices that it was taken away
  }
}

/** Row before bytes, under a new key, as for every copy. What a crash leaves is collected when its lease is over. */
async function copyOne({ store, steps, backend, place, job }: Run, content: WaitingContent): Promise<void> {
  place.reached = content
  const { cid, key, size } = content
  const mirror = place.id as string // before the bytes: meanwhile the store may get another mirror
  const { signal, report } = job
  if (await steps.isMirrored(cid)) return
  await job.wait(size)
  const open = async () => (await store.backends.of(content.backend).get(key, { signal }))?.body
  const to = {
    backend,
    intend: (copy: { key: string; cid: BlobCid }) => steps.intendMirrored({ ...copy, lease: store.times.lease }),
  }
  const copied = await putCopy(store, content, open, signal, to).catch((error: unknown) => {
    if (isBlobStoreError(error, 'BlobDamaged')) return 'does not match the CID' as const
    throw error
  })
  if (copied === 'purged') return
  if (typeof copied === 'string') {
    // Other bytes may have replaced these since the row was read: then it still waits.
    if (!(await store.metadata.markDamaged(cid, key))) return
    job.found({ cid, key, problem: copied === 'missing' ? 'missing' : 'damaged' })
    return
  }
  if (!(await steps.keepMirrored({ mirror, key: copied.key, cid, size, unusedDelay: unusedDelay(store) }))) return
  report.copied += 1
  report.bytes += size
}

/** A mirror that nobody reads is as good as none. */
async function verifyCopies(run: Run, olderThan: number): Promise<void> {
  const { steps, job } = run
  const doubted: MirroredCopy[] = []
  let after: MirroredCopy | null = null
  while (true) {
    const page: MirroredCopy[] = await steps.copies({ after, limit: pageSize, olderThan })
    const last = page.at(-1)
    if (!last) break
    await job.forEach(
      page,
      (copy) => verifyOne(run, copy, doubted),
      ({ cid, key }, error) => ({ cid, key, problem: 'failed', error }),
    )
    after = last
  }
  if (job.report.findings.some(({ problem }) => problem === 'copyDamaged')) await copyWaiting(run)
  for (const copy of doubted) if (await steps.isMirrored(copy.cid)) await steps.forgetDamaged(copy)
}

/** Adds a copy that cannot be read to the `doubted`, which are to be forgotten when there is another. */
async function verifyOne(run: Run, copy: MirroredCopy, doubted: MirroredCopy[]): Promise<void> {
  const { steps, backend, place, job } = run
  const { cid, key, size } = copy
  await job.wait(size)
  let failure: BlobStoreError | undefined
  try {
    if (await isGood(backend, copy, job.signal)) {
      await steps.markMirrored({ cid, key })
      job.report.verified += 1
      return
    }
  } catch (error) {
    if (!isLastingFailure(error)) throw error
    failure = error
  }
  // Forgetting a copy dooms it: it must not be missing only because its disk is not mounted any more.
  await place.open({ renew: true, signal: job.signal })
  if (failure) {
    await steps.doubtMirrored({ cid, key })
    doubted.push(copy)
  } else {
    await steps.forgetDamaged({ cid, key })
  }
  job.found({ cid, key, problem: 'copyDamaged', ...(failure && { error: failure }) })
}

async function isGood(backend: BlobBackend, { cid, key }: MirroredCopy, signal?: AbortSignal): Promise<boolean> {
  const object = await backend.get(key, { signal })
  if (!object) return false
  try {
    return (await cidOfStream(object.body)) === cid
  } catch (error) {
    if (isBlobStoreError(error, 'BlobDamaged')) return false
    throw error
  }
}

/** In both directions, in small steps. What the mirror holds is listed before it is looked up, as in a sweep. */
async function compareAll({ store, steps, backend, place, job: { signal } }: Run): Promise<void> {
  // What a restored database does not know, it has forgotten: `recover` looks for that.
  if (!(await store.metadata.condition()).restored) {
    for await (const { keys } of pagesOf(backend, { signal })) {
      for (let at = 0; at < keys.length; at += rowBatch) await steps.adoptUnknown(keys.slice(at, at + rowBatch))
    }
  }
  await untilAborted(backend.sweepSpools(store.times.lease, { signal }), signal)
  let after: BlobCid | '' | null = ''
  while (after !== null) {
    after = await steps.findUnmirrored({ after, limit: rowBatch })
    await breathe(signal)
  }
  let last: MirroredCopy | null = null
  do {
    last = await steps.findUnneeded({ after: last, limit: rowBatch })
    await breathe(signal)
  } while (last !== null)
  place.comparedAt = performance.now()
}

async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate()
  signal?.throwIfAborted()
}
