import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { BlobBackend, CallOptions } from '../backend/backend.ts'
import { pagesOf } from '../backend/pages.ts'
import { untilAborted } from '../backend/until-aborted.ts'
import { alarm } from '../logger.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { verifyIdentity } from '../store/identity.ts'
import { deletionLimit } from './deletion-limit.ts'

export interface SweepOptions extends CallOptions {
  /** Continues even if more than a tenth of a backend's keys are orphans. @default false */
  force?: boolean | undefined
  /** Only counts orphans. @default false */
  dryRun?: boolean | undefined
  /** Called after each page with the report so far. */
  onProgress?: ((report: SweepReport) => void) | undefined
}

export interface SweepReport {
  /** Keys found in the backends. */
  keys: number
  /** Of those, keys that no row knew. */
  orphans: number
  /**
   * Whether the deletion limit stopped it: more than a tenth of a backend's keys would have been doomed, so none was.
   */
  stopped: boolean
  /** Deleted spools of dead processes. */
  spools: number
}

const pageSize = 1000
const doomBatch = 100

/**
 * Finds bytes that no row knows. First it lists the backend, then it looks up the keys: in the other order a key could
 * be created in between. Orphans get tombstones, and collecting deletes them.
 */
export async function sweep(store: StoreContext, options: SweepOptions = {}): Promise<SweepReport> {
  assertOptions('sweep', options, ['force', 'dryRun', 'onProgress', 'signal'])
  const { backends, metadata, times } = store
  const { signal } = options
  store.epoch = await untilAborted(verifyIdentity(store), signal)
  const report: SweepReport = { keys: 0, orphans: 0, stopped: false, spools: 0 }
  // Notes of sweeps that died. A sweep that runs at the same time loses its notes too, and finds the same tomorrow.
  await metadata.forgetNotes(null)
  // Or the first sweep after a crash would leave to the next what the crash has left.
  if (!options.dryRun) await metadata.closeEntries()
  for (const backend of backends.all) {
    await sweepBackend(store, backend, report, options)
    if (options.dryRun) continue
    report.spools += await untilAborted(backend.sweepSpools(times.lease, { signal }), signal)
  }
  return report
}

async function sweepBackend(
  store: StoreContext,
  backend: BlobBackend,
  report: SweepReport,
  options: SweepOptions,
): Promise<void> {
  const { metadata, logger } = store
  const sweepId = randomUUID()
  try {
    const { keys, orphans } = await noteOrphans(store, backend, sweepId, report, options)
    if (orphans <= deletionLimit(keys) || options.force) {
      if (orphans > 0 && !options.dryRun) await doomOrphans(store, backend, sweepId, options.signal)
      return
    }
    report.stopped = true
    alarm(
      logger,
      { backend: backend.name, keys, orphans },
      'A sweep stopped: more than a tenth of the bytes are known to no row. Is this the right database?',
    )
  } finally {
    await metadata.forgetNotes(sweepId)
  }
}

/** Resolves with the number of the backend's keys, and of orphans among them. */
async function noteOrphans(
  { metadata }: StoreContext,
  backend: BlobBackend,
  sweepId: string,
  report: SweepReport,
  { signal, onProgress }: SweepOptions,
): Promise<{ keys: number; orphans: number }> {
  const found = { keys: 0, orphans: 0 }
  for await (const page of pagesOf(backend, { limit: pageSize, signal })) {
    const unknown = await metadata.noteUnknown(sweepId, page.keys)
    found.keys += page.keys.length
    found.orphans += unknown
    report.keys += page.keys.length
    report.orphans += unknown
    onProgress?.({ ...report })
  }
  return found
}

async function doomOrphans(
  { metadata, times }: StoreContext,
  backend: BlobBackend,
  sweepId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const orphans = { backend: backend.name, limit: doomBatch, deleteDelay: times.deleteDelay }
  let more = true
  while (more) {
    signal?.throwIfAborted()
    more = await metadata.doomNoted(sweepId, orphans)
    await setImmediate()
  }
}
