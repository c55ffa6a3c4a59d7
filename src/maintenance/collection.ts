import type { StoreContext } from '../store/context.ts'
import type { Held } from './deletion-limit.ts'

export interface CollectReport {
  /** Temporary blobs whose grace period was over. */
  expiredBlobs: number
  /**
   * Whether the deletion limit held some back: many accounts, more than a tenth of them, would have lost more than a tenth of their
   * blobs at once, and more than 100 in all. What no record ever referenced goes all the same, and so do the blobs of other
   * accounts; what is held back goes 7 days later.
   */
  stopped: boolean
  /** How many it held back. */
  heldBlobs: number
  /** Uploads whose lease was over. */
  expiredUploads: number
  /** Keys deleted from the backend, and their bytes as far as known. */
  deletedKeys: number
  deletedBytes: number
  /** Keys that the backend could not delete; they are tried again. */
  failedKeys: number
  /** Keys that wait for the end of their delete delay, or for another try. */
  waitingKeys: number
}

/** One collection. */
export interface Run {
  store: StoreContext
  report: CollectReport
  signal: AbortSignal | undefined
  dryRun: boolean
  held: Held | null
  /** Backends that could delete nothing: not asked again. */
  down: Set<string>
}

/** A step tells of each batch by a `yield`. Each leaves the store right, so it may stop anywhere. */
export type Step = AsyncGenerator<void>

/** When what failed is tried again, in milliseconds. */
export const retryDelay: number = 10 * 60_000
