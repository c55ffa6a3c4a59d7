import { setImmediate } from 'node:timers/promises'
import type { BlobBackend } from '../../backend/backend.ts'
import type { MirrorSteps } from '../../metadata/contract/mirror.ts'
import type { StoreContext } from '../../store/context.ts'
import type { Mirror } from '../../store/mirror/mirror.ts'
import type { TransferJob } from '../transfer-job.ts'

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

/** Rows of one transaction that compares: few, because SQLite blocks all other writers meanwhile. */
export const rowBatch = 500

/** What the parts of a run share. */
export interface Run {
  store: StoreContext
  steps: MirrorSteps
  backend: BlobBackend
  place: Mirror
  job: TransferJob<MirrorReport>
}

export function emptyReport(): MirrorReport {
  return { examined: 0, waiting: 0, waitingBytes: 0, copied: 0, bytes: 0, verified: 0, deleted: 0, findings: [] }
}

export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate()
  signal?.throwIfAborted()
}
