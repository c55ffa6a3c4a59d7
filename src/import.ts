export type { TransferOptions, TransferReport } from './maintenance/transfer-job.ts'
export { DiskTree, type DiskTreeOptions } from './transfer/import/disk-tree.ts'
export { dropPins } from './transfer/import/drop-pins.ts'
export {
  type AuroraBlobName,
  type AuroraReport,
  type ImportAuroraOptions,
  importAurora,
} from './transfer/import/import-aurora.ts'
export { type ImportPdsOptions, importPds } from './transfer/import/import-pds.ts'
export type { PdsTree, TreeArea, TreeObject } from './transfer/import/pds-tree.ts'
export type { ImportFinding, ImportOptions, ImportReport } from './transfer/import/report.ts'
