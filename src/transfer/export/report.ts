import type { TransferOptions } from '../../maintenance/transfer-job.ts'

export interface ExportOptions extends TransferOptions<ExportReport> {
  /**
   * Where the databases of a PDS's accounts are (`PDS_ACTOR_STORE_DIRECTORY`). With them the report contains what the
   * PDS has a row of, but the store does not have. They are only read. @default none
   */
  actors?: string | undefined
  /** Only these accounts. @default all */
  accounts?: readonly string[] | undefined
  /** Whether files are on stable storage when it resolves. @default true */
  sync?: boolean | undefined
  /** Also hashes the files that an earlier call has written, and rewrites damaged ones. @default false */
  verify?: boolean | undefined
}

export const exportOptions: readonly (keyof ExportOptions)[] = ['actors', 'accounts', 'sync', 'verify']

export interface ExportFinding {
  /**
   * `missing`: the store, or with `actors` the PDS, has a row of bytes that the store does not have. `damaged`: the
   * bytes do not match the CID. `unreadable`: a database, a folder or a row of the PDS. `failed`: something went wrong;
   * call again to retry.
   */
  problem: 'missing' | 'damaged' | 'unreadable' | 'failed'
  did?: string | undefined
  cid?: string | undefined
  /** Where, if it is not the blob itself. */
  place?: string | undefined
  error?: Error | undefined
}

export interface ExportReport {
  accounts: number
  examined: number
  /** Files written by this call (in a dry run: that would be), and their bytes. */
  written: number
  bytes: number
  /** Files that existed already. */
  present: number
  /**
   * Blobs that are not needed there: in the PDS's layout, temporary ones and those of accounts that the PDS does not
   * have.
   */
  skipped: number
  /** Blobs that were collected meanwhile. */
  gone: number
  findings: ExportFinding[]
}

export const emptyExport = (): ExportReport => ({
  accounts: 0,
  examined: 0,
  written: 0,
  bytes: 0,
  present: 0,
  skipped: 0,
  gone: 0,
  findings: [],
})
