import { untilAborted } from '../backend/until-aborted.ts'
import type { MirrorSteps } from '../metadata/contract/mirror.ts'
import { assertOptions, assertWhole, invalidArgument } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import type { Mirror } from '../store/mirror/mirror.ts'
import { compareAll, doomUnneeded } from './mirror/compare.ts'
import { copyWaiting } from './mirror/copy-waiting.ts'
import { breathe, emptyReport, type MirrorReport, type Run, rowBatch } from './mirror/run.ts'
import { verifyCopies } from './mirror/verify-copies.ts'
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

async function forgetMirror(store: StoreContext, { begin, dryRun, signal }: MirrorRunOptions): Promise<MirrorReport> {
  if (begin || dryRun) throw invalidArgument('mirror: forget', 'begin and dryRun mean nothing with it; leave them out')
  if (store.backends.mirror) {
    throw invalidArgument('mirror: forget', 'first remove the option `mirror` from every process')
  }
  const steps = await store.metadata.mirror()
  while (!(await steps.replaceMirror(null, rowBatch))) await breathe(signal)
  let after: string | null = ''
  while (after !== null) {
    after = await steps.forgetDoomed({ after, limit: rowBatch })
    await breathe(signal)
  }
  return emptyReport()
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
