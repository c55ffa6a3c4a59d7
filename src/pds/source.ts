import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { BlobRef } from '../blob/blob-ref.ts'
import type { BlobStore } from '../blob-store.ts'
import { isBlobStoreError } from '../errors.ts'

/**
 * Takes in what the PDS gives. A stream is read to its end *and* waited for until it is finished: the PDS hands over the
 * readable side of a duplex, and learns the type of the bytes on the writable one.
 */
export async function takeIn(
  blobs: BlobStore,
  did: string,
  bytes: Uint8Array | Readable,
  limits: 'on' | 'off',
): Promise<BlobRef> {
  if (!(bytes instanceof Readable)) return blobs.upload(did, bytes, { limits })
  // One that fails before the store begins to read it must not end the process; it is told when it is read.
  bytes.on('error', () => {})
  try {
    // Left alone at its end: by default the iterator destroys both sides, and the writable one may not have finished.
    const ref = await blobs.upload(did, bytes.iterator({ destroyOnReturn: false }), { limits })
    await finished(bytes)
    return ref
  } catch (error) {
    bytes.destroy()
    // When the PDS's own stream has failed, it knows how to answer that error.
    throw isBlobStoreError(error, 'UploadInterrupted') && error.cause ? error.cause : error
  }
}
