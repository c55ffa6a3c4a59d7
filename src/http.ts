export { type CacheTagHeader, cacheTagOf } from './http/cache-tags.ts'
export { httpStatuses, statusOf, toXrpcError } from './http/error-table.ts'
export { XrpcError } from './http/errors.ts'
export type {
  AccountStatus,
  Authenticated,
  BlobHandlerOptions,
  BlobServingOptions,
  Redirect,
  SpaceAccess,
  SpaceDecision,
} from './http/options.ts'

export { type BlobHandler, type BlobHandlers, createBlobHandler, createBlobHandlers } from './http/web.ts'
