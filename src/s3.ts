export type { S3BackendOptions } from './backend/s3/options.ts'
export { S3Backend } from './backend/s3/s3-backend.ts'
export { S3Tree, type S3TreeOptions } from './transfer/import/s3-tree.ts'
