import type { TransferOptions } from '../../maintenance/transfer-job.ts'

export type ImportOptions = TransferOptions<ImportReport>

export interface ImportFinding {
  /**
   * `damaged`: the bytes are not those that the CID names, or cannot be read. `missing`: a row or a record names bytes that
   * are not there. `unknown`: bytes that no row names, of whom nobody knows whose they are or that they are needed.
   * `unnamed`: a permanent blob that no record names; it was imported, and is kept. `differs`: it was imported, though its
   * row says something else of it. `unreadable`: a database, a table, a folder or a row, or some columns of a row whose
   * blob was imported all the same. `purged`: the store's operator purged the CID, so its bytes are not taken in, and the
   * records that name it wait for it. `failed`: something else went wrong; calling again tries again.
   */
  problem: 'damaged' | 'missing' | 'unknown' | 'unnamed' | 'differs' | 'unreadable' | 'purged' | 'failed'
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
  /** Records that named blobs at an earlier import, and do so no more. Only with the option `prune`. */
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
