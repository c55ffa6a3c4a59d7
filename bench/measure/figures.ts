/** What a sample may have measured. */
export interface Figures {
  /** Operations a second. */
  rate?: number
  /** CPU time of an operation, user and system, of all threads, in µs. */
  cpu?: number
  /** How long an operation took, in ms. */
  p50?: number
  p95?: number
  p99?: number
  /** The highest resident memory above that before the work, in bytes. */
  memory?: number
  /** How late the event loop was, in ms: the 99th percentile. */
  loopDelay?: number
  /** MB (10^6 bytes) a second. */
  bandwidth?: number
  /** The same for reading it back, if both are measured in one sample. */
  readBandwidth?: number
  readMemory?: number
  readCpu?: number
  /** CPU time of a page of listBlobs, in µs. */
  listCpu?: number
  /** Requests to S3 for each operation. */
  requests?: number
  /** In bytes. */
  size?: number
  /** Of the database, for a blob with one reference, indexes included. */
  rowBytes?: number
  /** How many operations were measured. */
  operations?: number
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle] as number
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/** The value below which this share, 0 to 1, of the sorted values is. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
