import { type BlobStoreError, isBlobStoreError } from '../errors.ts'

/**
 * Whether a backend failed at bytes in a way that a retry does not help: a bad sector, a checksum of the file system, no
 * permission. Not when it is only overloaded or silent, because then the bytes are fine, and reading them elsewhere would
 * add to the load.
 */
export function isLastingFailure(error: unknown): error is BlobStoreError {
  return isBlobStoreError(error, 'StorageFailed') && !error.transient
}
