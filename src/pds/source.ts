import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { BlobRef } from '../blob/blob-ref.ts'
import type { BlobStore } from '../blob-store.ts'
import { type BlobStoreErrorCode, isBlobStoreError } from '../errors.ts'

/** Errors after which the rest of the stream is not worth waiting for. */
const over: readonly BlobStoreErrorCode[] = ['UploadInterrupted', 'UploadTimeout', 'StoreClosed']

/**
 * Stores what the PDS passes. A stream is read to its end *and* awaited until it is finished: the PDS passes the
 * readable side of a duplex, and learns the type of the bytes on the writable side.
 */
export async function takeIn(
  blobs: BlobStore,
  did: string,
  bytes: Uint8Array | Readable,
  enforceLimits: boolean,
): Promise<BlobRef> {
  const options = { enforceLimits, privacy: false } as const // the PDS has the CID of what it passed
  if (!(bytes instanceof Readable)) return blobs.upload(did, bytes, options)
  // A stream that fails before the store begins to read it must not end the process; reading it reports the error.
  bytes.on('error', () => {})
  try {
    // Not destroyed at its end: by default the iterator destroys both sides, and the writable one may not have
    // finished.
    const ref = await blobs.upload(did, bytes.iterator({ destroyOnReturn: false }), options)
    await finished(bytes)
    return ref
  } catch (error) {
    if (!isBlobStoreError(error) || !over.includes(error.code)) await drain(bytes, blobs.times.upload)
    bytes.destroy()
    // If the PDS's own stream has failed, the PDS knows how to answer that error.
    throw isBlobStoreError(error, 'UploadInterrupted') && error.cause ? error.cause : error
  }
}

/**
 * Reads the rest and throws it away. The PDS cuts the connection of a stream that was not read to its end, and a client
 * that is still sending would never see why it was refused. The PDS limits how much can come.
 */
async function drain(bytes: Readable, time: number): Promise<void> {
  if (bytes.destroyed) return
  bytes.resume()
  await finished(bytes, { signal: AbortSignal.timeout(time) }).catch(() => {})
}
