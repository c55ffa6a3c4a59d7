import type { Logger } from '../logger.ts'
import { assertDelay, assertOptions, assertWhole } from '../options.ts'
import type { CollectReport } from './collection.ts'
import type { JanitorRun, JanitorRuns } from './janitor-runs.ts'
import type { BlobMaintenance } from './maintenance.ts'
import type { MirrorReport } from './mirror/run.ts'
import type { SweepReport } from './sweep.ts'

export interface JanitorOptions {
  /** Time between two collections, and before the first, in milliseconds. @default 300_000 (5 min) */
  collectEvery?: number | undefined
  /** Time between two sweeps, in milliseconds. The first follows the first collection. @default 86_400_000 (24 h) */
  sweepEvery?: number | undefined
  /**
   * Time between two copyings to the mirror, if the store has one, and before the first, in milliseconds. @default 60_000
   * (1 min)
   */
  mirrorEvery?: number | undefined
  onCollected?: ((report: CollectReport) => void) | undefined
  onSwept?: ((report: SweepReport) => void) | undefined
  onMirrored?: ((report: MirrorReport) => void) | undefined
}

export interface Janitor {
  readonly runs: JanitorRuns
  /** Stops; resolves when the running work has ended. */
  stop(): Promise<void>
}

/** @throws `InvalidArgument` */
export function assertJanitorOptions(what: string, options: JanitorOptions): void {
  assertOptions(what, options, ['collectEvery', 'sweepEvery', 'mirrorEvery', 'onCollected', 'onSwept', 'onMirrored'])
  assertDelay(`${what}: collectEvery`, options.collectEvery ?? 1, 1)
  assertWhole(`${what}: sweepEvery`, options.sweepEvery ?? 1, 1)
  assertDelay(`${what}: mirrorEvery`, options.mirrorEvery ?? 1, 1)
}

/**
 * Collects and sweeps in the background, one after the other, and beside them copies to the mirror, which may take hours.
 * Logs errors and continues. Keeps no process alive. Several processes on one store may each have one.
 */
export function startJanitor(
  blobs: Pick<BlobMaintenance, 'collect' | 'sweep'> & { readonly mirror?: BlobMaintenance['mirror'] | undefined },
  options: JanitorOptions,
  logger: Logger,
): Janitor {
  const { collectEvery = 300_000, sweepEvery = 86_400_000, mirrorEvery = 60_000 } = options
  const stopping = new AbortController()
  const { signal } = stopping
  let nextSweep = Number.NEGATIVE_INFINITY
  let failedSweeps = 0
  const runs: Record<keyof JanitorRuns, JanitorRun | null> = { collect: null, sweep: null, mirror: null }
  const rounds = [repeat(clean, collectEvery)]
  const { mirror } = blobs
  if (mirror) rounds.push(repeat(() => copy(mirror), mirrorEvery))

  return { stop, runs }

  /** Resolves with what waits for the running round. */
  function repeat(work: () => Promise<unknown>, every: number): () => Promise<unknown> {
    let round: Promise<unknown> = Promise.resolve()
    let timer = setTimeout(start, every).unref()
    signal.addEventListener('abort', () => clearTimeout(timer))
    return () => round

    function start(): void {
      round = work().finally(() => {
        if (!signal.aborted) timer = setTimeout(start, every).unref()
      })
    }
  }

  function copy(mirror: BlobMaintenance['mirror']): Promise<boolean> {
    return attempt('mirror', async () => {
      const report = await mirror({ signal })
      options.onMirrored?.(report)
    })
  }

  async function clean(): Promise<void> {
    await attempt('collect', async () => {
      const report = await blobs.collect({ signal })
      options.onCollected?.(report)
    })
    if (signal.aborted || performance.now() < nextSweep) return
    const swept = await attempt('sweep', async () => {
      const report = await blobs.sweep({ signal })
      options.onSwept?.(report)
    })
    // A backend that cannot be listed is asked less and less often: what a sweep finds can wait.
    failedSweeps = swept ? 0 : failedSweeps + 1
    nextSweep = performance.now() + (swept ? sweepEvery : Math.min(sweepEvery, collectEvery * 2 ** failedSweeps))
  }

  async function attempt(what: keyof JanitorRuns, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      runs[what] = { endedAt: new Date(), error: null }
      return true
    } catch (error) {
      runs[what] = { endedAt: new Date(), error: error instanceof Error ? error.message : String(error) }
      if (!signal.aborted) logger.error({ err: error }, `The janitor could not ${what}; it tries again`)
      return false
    }
  }

  async function stop(): Promise<void> {
    stopping.abort()
    await Promise.all(rounds.map((round) => round()))
  }
}
