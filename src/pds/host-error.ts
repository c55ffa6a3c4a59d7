import { type BlobStoreErrorCode, isBlobStoreError } from '../errors.ts'

/** How the PDS answers, where it is not 500. It takes errors with these properties for HTTP errors. */
const statuses: Partial<Record<BlobStoreErrorCode, number>> = {
  BlobTakenDown: 400,
  BlobRefused: 400,
  UploadInterrupted: 400,
  UploadTimeout: 408,
  UploadExpired: 503,
  StorageFull: 507,
  MetadataBusy: 503,
  StoreClosed: 503,
}

/** An error of the store's as the PDS's XRPC server answers it best; any other as it is. */
export function hostError(error: unknown): unknown {
  if (!isBlobStoreError(error)) return error
  const status = statuses[error.code]
  if (status === undefined) return error
  const told = new Error(error.message, { cause: error })
  return Object.assign(told, { name: error.code, status, statusCode: status, expose: true })
}
