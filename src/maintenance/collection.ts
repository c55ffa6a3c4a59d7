import type { StoreContext } from '../store/context.ts'
import type { Held } from './deletion-limit.ts'

export interface CollectReport {
  /** Temporary blobs whose grace period was over. */
  expiredBlobs: number
  /**
   * Whether the deletion limit held some back: more than a tenth of all accounts would each have lost more than a tenth
   * of their blobs at once, and more than 100 in all. Blobs that no record ever referenced are deleted anyway, and so
   * are the blobs of other accounts; what is held back is deleted 7 days later.
   */
  stopped: boolean
  /** How many it held back. */
  heldBlobs: number
  /** Uploads whose lease was over. */
  expiredUploads: number
  /** Keys deleted from the backend, and their bytes as far as known. */
  deletedKeys: number
  deletedBytes: number
  /** Keys that the backend could not delete; the next run tries again. */
  failedKeys: number
  /** Keys that wait for the end of their delete delay, or for a retry. */
  waitingKeys: number
}

/** One collection. */
export interface Run {
  store: StoreContext
  report: CollectReport
  signal: AbortSignal | undefined
  dryRun: boolean
  held: Held | null
  /** Backends that did not answer, or could delete nothing of what is due: not called again in this run. */
  down: Set<string>
}

/** A step yields after each batch. The store is consistent then, so it may stop anywhere. */
export type Step = AsyncGenerator<void>

/** When failed deletions are retried, in milliseconds. */
export const retryDelay: number = 10 * 60_000
