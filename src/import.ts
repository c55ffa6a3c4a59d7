export { DiskTree, type DiskTreeOptions } from './exchange/disk-tree.ts'
export { dropPins } from './exchange/drop-pins.ts'
export {
  type AuroraBlobName,
  type AuroraReport,
  type ImportAuroraOptions,
  importAurora,
} from './exchange/import-aurora.ts'
export { type ImportPdsOptions, importPds } from './exchange/import-pds.ts'
export type { PdsTree, TreeArea, TreeObject } from './exchange/pds-tree.ts'
export type { ImportFinding, ImportOptions, ImportReport } from './exchange/report.ts'
