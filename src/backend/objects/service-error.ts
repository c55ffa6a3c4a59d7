import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import { TooFewBytes, TooManyBytes } from '../answer-reading.ts'
import type { Attempt } from '../files/file-error.ts'
import { TimedOut } from '../patience.ts'

/** Whether the same call may succeed later. What nobody has classed is most likely the network. */
export function isTransient(error: unknown): boolean {
  return isBlobStoreError(error) ? error.transient : !(error instanceof TooManyBytes)
}

/** The library's error for what a service rejected with. Those that name the backend are ours, and pass as they are. */
export function serviceError(error: unknown, { verb, backend, cid }: Attempt): unknown {
  if (isBlobStoreError(error) && error.backend === backend) return error
  return new BlobStoreError(isBlobStoreError(error) ? error.code : 'StorageFailed', `Cannot ${verb}: ${why(error)}`, {
    ...{ backend, cid, transient: isTransient(error) },
    cause: error,
  })
}

function why(error: unknown): string {
  if (isBlobStoreError(error)) return error.message
  if (error instanceof TooFewBytes || error instanceof TooManyBytes) return error.message
  if (error instanceof TimedOut) return 'the service did not answer in time'
  // Not its message, which may hold an address with credentials: that is in the cause.
  const { code, cause, name } = error as { code?: unknown; cause?: { code?: unknown }; name?: unknown }
  return `the service cannot be reached, or failed (${code ?? cause?.code ?? name ?? 'unknown'})`
}
