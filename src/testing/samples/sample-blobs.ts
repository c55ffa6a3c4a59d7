import { BlobStoreError } from '../../errors.ts'
import { files } from './files.ts'

/** A small file that every decoder accepts. */
export interface SampleBlob {
  readonly fileName: string
  /** The file's type, as a client would declare it. */
  readonly mimeType: string
  /** A new copy each time: a test may change it. */
  readonly bytes: Uint8Array
}

/**
 * Complete files of about a kilobyte: images, videos, sound, and documents, among them HTML and SVG with a script in
 * them. The bytes of text show no type: the declared one decides.
 *
 * @example
 * ```ts
 * import { memoryBlobStore, sampleBlobs } from 'pds-blobstore/testing'
 *
 * const blobs = memoryBlobStore({ limits: { accept: ['*' + '/*'] } })
 * for (const { bytes, mimeType } of sampleBlobs) await blobs.upload('did:plc:alice', bytes, { mimeType })
 * ```
 */
export const sampleBlobs: readonly SampleBlob[] = files.map(([fileName, mimeType, base64]) => ({
  fileName,
  mimeType,
  get bytes() {
    return new Uint8Array(Buffer.from(base64, 'base64'))
  },
}))

/**
 * One of the samples.
 *
 * @example
 * ```ts
 * import { sampleBlob } from 'pds-blobstore/testing'
 *
 * const { bytes } = sampleBlob('image/png')
 * ```
 *
 * @throws `InvalidArgument` when there is none of that type
 */
export function sampleBlob(mimeType: string): SampleBlob {
  const found = sampleBlobs.find((sample) => sample.mimeType === mimeType)
  if (found) return found
  const types = sampleBlobs.map((sample) => sample.mimeType).join(', ')
  throw new BlobStoreError('InvalidArgument', `There is no sample of that type; there are ${types}`)
}
