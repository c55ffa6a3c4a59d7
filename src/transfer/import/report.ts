import type { TransferOptions } from '../../maintenance/transfer-job.ts'

export type ImportOptions = TransferOptions<ImportReport>

export interface ImportFinding {
  /**
   * `damaged`: the bytes do not match the CID, or cannot be read. `missing`: a row or a record names bytes that do not
   * exist. `unknown`: bytes that no row names, so their owner is unknown. `unnamed`: a permanent blob that no record
   * references; it was imported, and is kept. `differs`: it was imported, but its row claims something else.
   * `unreadable`: a database, a table, a folder or a row; or some columns of a row, whose blob was imported anyway.
   * `purged`: the store's operator purged the CID, so its bytes are not imported, and the records that reference it wait
   * for it. `failed`: something else went wrong; call again to retry.
   */
  problem: 'damaged' | 'missing' | 'unknown' | 'unnamed' | 'differs' | 'unreadable' | 'purged' | 'failed'
  did?: string | undefined
  cid?: string | undefined
  /** Where it was looked for, or found. */
  place: string
  error?: Error | undefined
}

export interface ImportReport {
  /** How many blobs the source names; how many were examined so far; and how many the source forgot meanwhile. */
  blobs: number
  examined: number
  gone: number
  /** Imported by this call (in a dry run: that would be), and their bytes. */
  imported: number
  bytes: number
  /** Already in the store, in the right state. */
  present: number
  /** Temporary files that no row names, which the PDS has left behind. Not imported. */
  leftovers: number
  /** Records that referenced blobs at an earlier import, but no longer do. Only with the option `prune`. */
  pruned: number
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
  pruned: 0,
  findings: [],
})
