import type { CallOptions } from '../backend/backend.ts'
import type { CidLike } from '../blob/cid.ts'
import type { SpaceUri } from '../blob/spaces.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/types.ts'
import { printable } from '../printable.ts'
import type { StatOptions } from '../store/calls.ts'
import type { InaccessibleEvent } from '../store/hooks.ts'
import type { Dimensions } from './dimensions/header.ts'
import type { ImageFormat, ImagePreset } from './presets.ts'

/**
 * Smaller versions of the store's images, for feeds and avatars. They are generated on first request, in separate
 * processes, and kept in a cache. They are never blobs: they have no CIDs, appear in no list and count for no quota. A
 * viewer who may not see a blob gets no variant of it; this is checked at every call, as for the blob.
 */
export interface ImageVariants {
  readonly blobs: BlobStore
  readonly presets: Readonly<Record<string, ImagePreset>>

  /**
   * Opens the cache, as every call does, and starts a decoding process: await it before the first request. Without it
   * no process starts before there is something to decode.
   *
   * @throws `ImagesFailed` if sharp cannot be loaded, and what the cache throws
   */
  ready(): Promise<void>

  /** Ends the processes and their work, and closes the cache. Later calls throw `StoreClosed`. */
  close(): Promise<void>

  [Symbol.asyncDispose](): Promise<void>

  /**
   * A variant of an image that the public may see or, with `space`, of one that the records in that space reference.
   * Concurrent calls for one variant make it once; each may be aborted by itself. Of an animation it is the first frame;
   * of a truncated JPEG, PNG or GIF, what is there. Upright and in sRGB, without any metadata.
   *
   * @throws `BlobNotFound`, `ImageRefused` for a blob that is not an image or exceeds a limit, `ImagesBusy`,
   *   `ImagesFailed`, and `InvalidArgument` for an unknown preset or format
   */
  variant(did: string, cid: CidLike, preset: string, options?: VariantOptions): Promise<ImageVariant>

  /**
   * The dimensions of an image or a video, for the `aspectRatio` of a record. Read from its header, without decoding,
   * and as shown (EXIF's orientation, AVIF's cropping, a video's rotation and pixel shape), like a variant. JPEG, PNG,
   * GIF, WebP, AVIF, HEIC, MP4, QuickTime, WebM and Matroska; null for anything else. For a blob that no record
   * references yet, pass `as: 'account'`.
   *
   * @throws `BlobNotFound`
   */
  dimensions(did: string, cid: CidLike, options?: StatOptions): Promise<Dimensions | null>

  /**
   * Throws away the variants of what the public, or those in a space, may not see any more, and ends the making of others:
   * give it to the store as its hook `onInaccessible`. Nothing would be served without it either, but would stay in the cache for
   * a while. An event with `space` concerns the variants for that space, one with `because: 'hidden'` and no space those for the
   * public, any other all of them.
   */
  forget(event: Pick<InaccessibleEvent, 'did' | 'cid'> & Partial<InaccessibleEvent>): void
}

export interface VariantOptions extends CallOptions {
  /** @default that of the preset */
  format?: ImageFormat | undefined
  /**
   * Asks by the account's records in this space, as `read` does. Whether the caller may see the space is the host's to decide.
   * @default by public records
   */
  space?: SpaceUri | undefined
}

export interface ImageVariant {
  /** The blob that it was generated from. */
  readonly blob: BlobStat
  /** `image/jpeg`, `image/webp` or `image/avif`. */
  readonly mimeType: string
  /** Do not write to it: other callers may have the same array. */
  readonly bytes: Uint8Array
}

/** The blob is at fault: a retry would fail in the same way. */
export function refused(reason: string, cause?: unknown): BlobStoreError {
  return new BlobStoreError('ImageRefused', `The blob cannot be turned into an image: ${printable(reason, 200)}`, {
    cause,
  })
}

/** The machine or its settings are at fault. */
export function failed(what: string, transient: boolean, cause?: unknown): BlobStoreError {
  return new BlobStoreError('ImagesFailed', what, { transient, cause })
}
