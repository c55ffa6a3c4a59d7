import { BlobStoreError } from '../errors.ts'
import { printable } from '../printable.ts'

/** The blob is at fault: asking again would end the same way. */
export function refused(reason: string, cause?: unknown): BlobStoreError {
  return new BlobStoreError('ImageRefused', `No image can be made of the blob: ${printable(reason, 200)}`, { cause })
}

/** The machine, or its setting, is. */
export function failed(what: string, transient: boolean, cause?: unknown): BlobStoreError {
  return new BlobStoreError('ImagesFailed', what, { transient, cause })
}
