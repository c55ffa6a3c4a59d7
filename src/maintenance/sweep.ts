import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { CallOptions } from '../backend/backend.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { recognise } from '../store/identity.ts'
import { brakeAt } from './brake.ts'

export interface SweepOptions extends CallOptions {
  /** Goes on when more than a tenth of the keys are orphans. @default false */
  force?: boolean | undefined
  /** Called after each page with what was found so far. */
  onProgress?: ((report: SweepReport) => void) | undefined
}

export interface SweepReport {
  /** Keys seen in the backend. */
  keys: number
  /** Of those, keys that no row knew. */
  orphans: number
  /** Whether the brake stopped it: more than a tenth would have gone, and nothing was doomed. */
  stopped: boolean
  /** Spools left by dead processes, deleted. */
  spools: number
}

const pageSize = 1000
const doomBatch = 100

/**
 * Finds bytes that no row knows. First the backend is listed, then the keys are looked up: the other way round a key
 * could be born between. They get tombstones and are deleted by collecting, never directly.
 */
export async function sweep(store: StoreContext, options: SweepOptions = {}): Promise<SweepReport> {
  assertOptions('sweep', options, ['force', 'onProgress', 'signal'])
  const { signal } = options
  const { backend, metadata, times, logger } = store
  store.epoch = await recognise(store)
  const report: SweepReport = { keys: 0, orphans: 0, stopped: false, spools: 0 }
  const sweepId = randomUUID()
  // Of sweeps that died. One that runs at the same time loses its notes too, and finds the same tomorrow.
  await metadata.forgetNotes(null)
  try {
    await noteOrphans(store, sweepId, report, options)
    report.stopped = report.orphans > brakeAt(report.keys) && !options.force
    if (report.stopped) {
      logger.error(
        { ...report },
        'A sweep stopped: more than a tenth of the bytes are known to no row. Is this the right database?',
      )
    } else {
      let more = report.orphans > 0
      while (more) {
        signal?.throwIfAborted()
        more = await metadata.doomNoted(sweepId, {
          backend: backend.name,
          limit: doomBatch,
          deleteDelay: times.deleteDelay,
        })
        await setImmediate()
      }
    }
  } finally {
    await metadata.forgetNotes(sweepId)
  }
  report.spools = await backend.sweepSpools(times.lease, { signal })
  return report
}

async function noteOrphans(
  { backend, metadata }: StoreContext,
  sweepId: string,
  report: SweepReport,
  { signal, onProgress }: SweepOptions,
): Promise<void> {
  let cursor: string | undefined
  do {
    signal?.throwIfAborted()
    const page = await backend.list({ limit: pageSize, cursor, signal })
    report.keys += page.keys.length
    report.orphans += await metadata.noteUnknown(sweepId, page.keys)
    onProgress?.({ ...report })
    cursor = page.cursor
  } while (cursor !== undefined)
}
