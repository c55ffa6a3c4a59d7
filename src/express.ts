export { httpStatuses, statusOf, toXrpcError } from './http/error-table.ts'
export { XrpcError } from './http/errors.ts'
export { checkContinue } from './http/node/continue.ts'
export type { BlobRouterOptions } from './http/node/request.ts'
export { type BlobRouter, blobRouter } from './http/node/router.ts'
export type {
  AccountStatus,
  Authenticated,
  BlobServingOptions,
  Redirect,
  SpaceAccess,
  SpaceDecision,
} from './http/options.ts'
