export { DiskTree, type DiskTreeOptions } from './import/disk-tree.ts'
export { type ImportPdsOptions, importPds } from './import/import-pds.ts'
export type { PdsTree, TreeArea, TreeObject } from './import/pds-tree.ts'
export type { ImportFinding, ImportOptions, ImportReport } from './import/report.ts'
