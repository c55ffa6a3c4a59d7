import type { TransferOptions } from '../../maintenance/transfer-job.ts'

export interface ExportOptions extends TransferOptions<ExportReport> {
  /**
   * Where the databases of a PDS's accounts are (`PDS_ACTOR_STORE_DIRECTORY`). With them it is told what the PDS has a row
   * of, and the store has not. They are only read. @default none
   */
  actors?: string | undefined
  /** Only these accounts. @default all */
  accounts?: readonly string[] | undefined
  /** Whether files are on stable storage when it resolves. @default true */
  sync?: boolean | undefined
  /** Hashes the files too that an earlier call has written, and writes again what is not good. @default false */
  verify?: boolean | undefined
}

export const exportOptions: readonly (keyof ExportOptions)[] = ['actors', 'accounts', 'sync', 'verify']

export interface ExportFinding {
  /**
   * `missing`: the store, or with `actors` the PDS, has a row of bytes that the store does not have. `damaged`: what it has
   * is not what the CID names. `unreadable`: of the PDS a database, a folder or a row. `failed`: something went wrong;
   * calling again tries again.
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
  /** Files written by this call, or that would be in a dry run, and their bytes. */
  written: number
  bytes: number
  /** Files that were there already. */
  present: number
  /** Blobs that nobody needs there: temporary ones and those of accounts that the PDS has not, in its layout. */
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
