export { type ExportFilesOptions, exportFiles, type ManifestLine } from './exchange/export-files.ts'
export { type ExportPdsOptions, exportPds } from './exchange/export-pds.ts'
export type { ExportFinding, ExportOptions, ExportReport } from './exchange/export-report.ts'
