import type { CallOptions } from '../backend/backend.ts'

export interface ImportOptions extends CallOptions {
  /** How many blobs are taken in at once. @default 4 */
  concurrency?: number | undefined
  /** Reads no more than so many bytes a second on the average. @default as fast as it can */
  bytesPerSecond?: number | undefined
  /** Only looks what would be done: whether the bytes are there, not whether they are good. @default false */
  dryRun?: boolean | undefined
  /** Told of what is wrong, as it is found. */
  onFinding?: ((finding: ImportFinding) => void) | undefined
  /** Called after each blob. */
  onProgress?: ((report: ImportReport) => void) | undefined
}

export interface ImportFinding {
  /**
   * `damaged`: the bytes are not those that the CID names. `missing`: a row or a record names bytes that are not there.
   * `unknown`: bytes that no row names, of whom nobody knows whose they are or that they are needed. `unreadable`: a
   * database, or a row of it. `failed`: something else went wrong; calling again tries again.
   */
  problem: 'damaged' | 'missing' | 'unknown' | 'unreadable' | 'failed'
  did?: string | undefined
  cid?: string | undefined
  /** Where it was looked for, or found. */
  place: string
  error?: Error | undefined
}

export interface ImportReport {
  /** How many blobs the source names; looked at so far; and those that it forgot meanwhile. */
  blobs: number
  examined: number
  gone: number
  /** Taken in by this call, or that would be in a dry run, and their bytes. */
  imported: number
  bytes: number
  /** Were there already, as they should be. */
  present: number
  /** Temporary files that no row names, which the PDS has left behind. Not taken in. */
  leftovers: number
  findings: ImportFinding[]
}

export const emptyReport = (): ImportReport => ({
  blobs: 0,
  examined: 0,
  gone: 0,
  imported: 0,
  bytes: 0,
  present: 0,
  leftovers: 0,
  findings: [],
})
