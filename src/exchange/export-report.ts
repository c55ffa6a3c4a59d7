import type { ErrandOptions } from './errand.ts'

export interface ExportOptions extends ErrandOptions<ExportReport> {
  /** Only these accounts. @default all */
  accounts?: readonly string[] | undefined
  /** Whether files are on stable storage when it resolves. @default true */
  sync?: boolean | undefined
  /** Hashes the files too that an earlier call has written, and writes again what is not good. @default false */
  verify?: boolean | undefined
}

export const exportOptions: readonly (keyof ExportOptions)[] = ['accounts', 'sync', 'verify']

export interface ExportFinding {
  /** `failed`: something went wrong; calling again tries again. The others are for scrub and its copies. */
  problem: 'missing' | 'damaged' | 'failed'
  did: string
  cid: string
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
  /** Blobs that nobody needs there: temporary ones, in the layout of the PDS. */
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
