export { type CacheTagHeader, cacheTagOf } from './http/cache-tags.ts'
export type {
  AccountStatus,
  Authenticated,
  BlobHandlerOptions,
  BlobServingOptions,
} from './http/options.ts'
export type { Redirect } from './http/redirect.ts'
export { type BlobHandler, type BlobHandlers, createBlobHandler, createBlobHandlers } from './http/web.ts'
export { XrpcError } from './http/xrpc-error.ts'
