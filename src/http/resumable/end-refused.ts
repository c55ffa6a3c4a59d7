import type { BlobStore } from '../../blob-store.ts'
import { type BlobStoreErrorCode, isBlobStoreError } from '../../errors.ts'
import type { UploadLimits } from '../../store/calls.ts'
import type { ResumableUpload } from '../../store/resumable/resumable-uploads.ts'
import { statusOf } from '../error-table.ts'
import type { Call } from '../request.ts'

/** Refusals that may come from the limits of one request, so that another of the account may be accepted. */
const byLimits = new Set<BlobStoreErrorCode>(['PayloadTooLarge', 'InvalidMimeType', 'QuotaExceeded'])

/** Refusals of bytes that are appended which no later request can make good. */
const ofBytes = new Set<BlobStoreErrorCode>(['PayloadTooLarge', 'BlobTakenDown'])

/**
 * Ends an upload whose blob was refused for good: the client does not come again, and the account may have only so many
 * unfinished ones. What passes may be tried again, bytes that are missing may be sent, and a client with a wider grant may
 * come. With `asking`, of a request that sends no bytes, its own limits end nothing.
 */
export async function endRefused(
  blobs: BlobStore,
  did: string,
  id: string,
  error: unknown,
  { asking = false }: { asking?: boolean } = {},
): Promise<void> {
  if (!isBlobStoreError(error) || error.transient || statusOf(error) >= 500) return
  if (['UploadBusy', 'InvalidSize', 'ScopeMissing'].includes(error.code)) return
  if (asking && byLimits.has(error.code)) return
  await blobs.resumable.abort(did, id).catch(() => {})
}

/** Adds the bytes of a request. If they are refused for good while they arrive, the upload is ended too. */
export async function appendBytes(
  { blobs, request: { body, signal } }: Call,
  did: string,
  { id, offset }: { id: string; offset: number },
  options: UploadLimits & { size?: number | undefined },
): Promise<ResumableUpload> {
  try {
    return await blobs.resumable.append(did, id, offset, body, { ...options, signal })
  } catch (error) {
    if (isBlobStoreError(error) && ofBytes.has(error.code)) await blobs.resumable.abort(did, id).catch(() => {})
    throw error
  }
}
