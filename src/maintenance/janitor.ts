import type { BlobStore } from '../blob-store.ts'
import { type Logger, silent } from '../logger.ts'
import { assertDelay, assertOptions, assertStore, assertWhole } from '../options.ts'
import type { CollectReport } from './collection.ts'
import type { SweepReport } from './sweep.ts'

export interface JanitorOptions {
  /** Between two collections, in milliseconds. @default 300_000 (5 min) */
  collectEvery?: number | undefined
  /** Between two sweeps, in milliseconds. The first comes one collection after the start. @default 86_400_000 (24 h) */
  sweepEvery?: number | undefined
  onCollected?: ((report: CollectReport) => void) | undefined
  onSwept?: ((report: SweepReport) => void) | undefined
  /** Told of what failed; the janitor goes on. @default silent */
  logger?: Logger | undefined
}

export interface Janitor extends AsyncDisposable {
  /** Stops, and waits for what is under way. */
  stop(): Promise<void>
}

/**
 * Collects and sweeps in the background, one after the other. Keeps no process alive. Several processes on one store
 * may each have one.
 *
 * @example
 * ```ts
 * import { type BlobStore, startJanitor } from 'pds-blobstore'
 *
 * declare const blobs: BlobStore
 * const janitor = startJanitor(blobs)
 * process.once('SIGTERM', async () => {
 *   await janitor.stop()
 *   await blobs.close()
 * })
 * ```
 */
export function startJanitor(blobs: BlobStore, options: JanitorOptions = {}): Janitor {
  assertStore('startJanitor', blobs, 'collect')
  assertOptions('startJanitor', options, ['collectEvery', 'sweepEvery', 'onCollected', 'onSwept', 'logger'])
  const { collectEvery = 300_000, sweepEvery = 86_400_000, logger = silent } = options
  assertDelay('startJanitor: collectEvery', collectEvery, 1)
  assertWhole('startJanitor: sweepEvery', sweepEvery, 1)
  const stopping = new AbortController()
  const { signal } = stopping
  let nextSweep = Number.NEGATIVE_INFINITY
  let failedSweeps = 0
  let round: Promise<void> = Promise.resolve()
  let timer = setTimeout(start, collectEvery).unref()

  return {
    stop,
    [Symbol.asyncDispose]: stop,
  }

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
    // A backend that cannot be listed is not asked more and more: what a sweep finds can wait.
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
