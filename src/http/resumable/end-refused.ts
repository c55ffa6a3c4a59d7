import type { BlobStore } from '../../blob-store.ts'
import { isBlobStoreError } from '../../errors.ts'
import { statusOf } from '../error-table.ts'

/**
 * Ends an upload whose blob was refused for good: the client does not come again, and the account may have only so many
 * unfinished ones. What passes may be tried again.
 */
export async function endRefused(blobs: BlobStore, did: string, id: string, error: unknown): Promise<void> {
  if (!isBlobStoreError(error) || error.transient || error.code === 'UploadBusy' || statusOf(error) >= 500) return
  await blobs.resumable.abort(did, id).catch(() => {})
}
