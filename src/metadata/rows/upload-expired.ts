import { BlobStoreError } from '../../errors.ts'

/** The row was taken away: the upload was collected. */
export function expired({ did, ...upload }: { did: string; cid?: string }): BlobStoreError {
  return new BlobStoreError('UploadExpired', 'The upload took longer than its lease and was collected; upload again', {
    did,
    cid: upload.cid,
    transient: true,
  })
}
