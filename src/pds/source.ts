import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { BlobRef } from '../blob/blob-ref.ts'
import type { BlobStore } from '../blob-store.ts'
import { type BlobStoreErrorCode, isBlobStoreError } from '../errors.ts'

/** What says that there is no use in waiting for more of the stream. */
const over: readonly BlobStoreErrorCode[] = ['UploadInterrupted', 'UploadTimeout', 'StoreClosed']

/**
 * Takes in what the PDS gives. A stream is read to its end *and* waited for until it is finished: the PDS hands over the
 * readable side of a duplex, and learns the type of the bytes on the writable one.
 */
export async function takeIn(
  blobs: BlobStore,
  did: string,
  bytes: Uint8Array | Readable,
  enforceLimits: boolean,
): Promise<BlobRef> {
  if (!(bytes instanceof Readable)) return blobs.upload(did, bytes, { enforceLimits })
  // One that fails before the store begins to read it must not end the process; reading it reports the error.
  bytes.on('error', () => {})
  try {
    // Left alone at its end: by default the iterator destroys both sides, and the writable one may not have finished.
    const ref = await blobs.upload(did, bytes.iterator({ destroyOnReturn: false }), { enforceLimits })
    await finished(bytes)
    return ref
  } catch (error) {
    if (!isBlobStoreError(error) || !over.includes(error.code)) await drain(bytes, blobs.times.upload)
    bytes.destroy()
    // When the PDS's own stream has failed, it knows how to answer that error.
    throw isBlobStoreError(error, 'UploadInterrupted') && error.cause ? error.cause : error
  }
}

/**
 * Reads what is left, to throw it away. The PDS cuts the connection of a stream that was not read to its end, and a client
 * that is still sending would never see why it was refused. How much can come, the PDS bounds.
 */
async function drain(bytes: Readable, time: number): Promise<void> {
  if (bytes.destroyed) return
  bytes.resume()
  await finished(bytes, { signal: AbortSignal.timeout(time) }).catch(() => {})
}
