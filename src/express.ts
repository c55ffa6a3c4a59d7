export type { BlobRouterOptions } from './express/options.ts'
export { type BlobRouter, blobRouter } from './express/router.ts'
export type { AccountStatus, Authenticated, BlobServingOptions } from './http/options.ts'
export { XrpcError } from './http/xrpc-error.ts'
