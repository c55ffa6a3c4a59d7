import type { CallOptions } from '../backend/backend.ts'

export interface CollectOptions extends CallOptions {
  /** Called after each batch with what was done so far. */
  onProgress?: ((report: CollectReport) => void) | undefined
}

export interface CollectReport {
  /** Temporary blobs whose grace period was over. */
  expiredBlobs: number
  /** Uploads whose lease was over. */
  expiredUploads: number
  /** Keys deleted from the backends, and their bytes as far as known. */
  deletedKeys: number
  deletedBytes: number
  /** Keys that a backend could not delete; they are tried again. */
  failedKeys: number
  /** Keys that wait for the end of their delete delay. */
  waitingKeys: number
}
