export type { TransferOptions, TransferReport } from './maintenance/transfer-job.ts'
export { type ExportFilesOptions, exportFiles, type ManifestLine } from './transfer/export/export-files.ts'
export { type ExportPdsOptions, exportPds } from './transfer/export/export-pds.ts'
export type { ExportFinding, ExportOptions, ExportReport } from './transfer/export/report.ts'
