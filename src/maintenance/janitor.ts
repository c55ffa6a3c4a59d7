import type { Logger } from '../logger.ts'
import { assertDelay, assertOptions, assertWhole } from '../options.ts'
import type { CollectReport } from './collection.ts'
import type { BlobMaintenance } from './maintenance.ts'
import type { SweepReport } from './sweep.ts'

export interface JanitorOptions {
  /** Time between two collections, and before the first, in milliseconds. @default 300_000 (5 min) */
  collectEvery?: number | undefined
  /** Time between two sweeps, in milliseconds. The first follows the first collection. @default 86_400_000 (24 h) */
  sweepEvery?: number | undefined
  onCollected?: ((report: CollectReport) => void) | undefined
  onSwept?: ((report: SweepReport) => void) | undefined
}

export interface Janitor {
  /** Stops; resolves when the running work has ended. */
  stop(): Promise<void>
}

/** @throws `InvalidArgument` */
export function assertJanitorOptions(what: string, options: JanitorOptions): void {
  assertOptions(what, options, ['collectEvery', 'sweepEvery', 'onCollected', 'onSwept'])
  assertDelay(`${what}: collectEvery`, options.collectEvery ?? 1, 1)
  assertWhole(`${what}: sweepEvery`, options.sweepEvery ?? 1, 1)
}

/**
 * Collects and sweeps in the background, one after the other. Logs errors and continues. Keeps no process alive.
 * Several processes on one store may each have one.
 */
export function startJanitor(
  blobs: Pick<BlobMaintenance, 'collect' | 'sweep'>,
  options: JanitorOptions,
  logger: Logger,
): Janitor {
  const { collectEvery = 300_000, sweepEvery = 86_400_000 } = options
  const stopping = new AbortController()
  const { signal } = stopping
  let nextSweep = Number.NEGATIVE_INFINITY
  let failedSweeps = 0
  let round: Promise<void> = Promise.resolve()
  let timer = setTimeout(start, collectEvery).unref()

  return { stop }

  function start(): void {
    round = clean().finally(() => {
      if (!signal.aborted) timer = setTimeout(start, collectEvery).unref()
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

  async function attempt(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (!signal.aborted) logger.error({ err: error }, `The janitor could not ${what}; it tries again`)
      return false
    }
  }

  async function stop(): Promise<void> {
    clearTimeout(timer)
    stopping.abort()
    await round
  }
}
