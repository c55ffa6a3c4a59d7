import type { CallOptions } from '../backend/backend.ts'
import type { CidLike } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/types.ts'
import { printable } from '../printable.ts'
import type { StatOptions } from '../store/calls.ts'
import type { InaccessibleEvent } from '../store/hooks.ts'
import type { Dimensions } from './dimensions/header.ts'
import type { ImageFormat, ImagePreset } from './presets.ts'

/**
 * Smaller pictures of the store's images, for feeds and avatars. Made when they are first asked for, in processes of
 * their own, and kept in a cache; they are never blobs, have no CIDs, are in no list and count for no quota. Who may not
 * see a blob gets no variant of it: that is checked at every call, as for the blob.
 */
export interface ImageVariants {
  readonly blobs: BlobStore
  readonly presets: Readonly<Record<string, ImagePreset>>

  /** Opens the cache, which every call awaits anyway. No process is started before there is something to decode. */
  ready(): Promise<void>

  /** Ends the processes with what they do, and closes the cache. Calls that come later are `StoreClosed`. */
  close(): Promise<void>

  [Symbol.asyncDispose](): Promise<void>

  /**
   * A variant of an image that the public may see. Calls for one variant at once make it once; each may be aborted by
   * itself. Of a picture that moves it is the first frame; of a JPEG, PNG or GIF that is cut off, what is there. Upright
   * and in sRGB, without any metadata.
   *
   * @throws `BlobNotFound`, `ImageRefused` for what is no image or exceeds a limit, `ImagesBusy` `ImagesFailed`, and
   *   `InvalidArgument` where there is no such preset or format
   */
  variant(did: string, cid: CidLike, preset: string, options?: VariantOptions): Promise<ImageVariant>

  /**
   * The dimensions of an image or a video, for the `aspectRatio` of a record: from its header, without decoding, and as
   * it is shown (EXIF's orientation, AVIF's cut, a video's rotation and the shape of its pixels), as a variant is. JPEG, PNG, GIF, WebP, AVIF, HEIC, MP4, QuickTime, WebM and
   * Matroska; null for anything else. For a blob that no record names yet, `as: 'account'`.
   *
   * @throws `BlobNotFound`
   */
  dimensions(did: string, cid: CidLike, options?: StatOptions): Promise<Dimensions | null>

  /**
   * Throws away the variants of what the public may not see any more, and ends the making of others: give it to the
   * store as its hook `onInaccessible`. Nothing would be served without it either, but would stay in the cache for a while.
   */
  forget(event: Pick<InaccessibleEvent, 'did' | 'cid'>): void
}

export interface VariantOptions extends CallOptions {
  /** @default the preset's */
  format?: ImageFormat | undefined
}

export interface ImageVariant {
  /** The blob that it was made of. */
  readonly blob: BlobStat
  /** `image/jpeg`, `image/webp` or `image/avif`. */
  readonly mimeType: string
  /** Not to be written to: others may be given the same. */
  readonly bytes: Uint8Array
}

/** The blob is at fault: asking again would end the same way. */
export function refused(reason: string, cause?: unknown): BlobStoreError {
  return new BlobStoreError('ImageRefused', `No image can be made of the blob: ${printable(reason, 200)}`, { cause })
}

/** The machine, or its setting, is. */
export function failed(what: string, transient: boolean, cause?: unknown): BlobStoreError {
  return new BlobStoreError('ImagesFailed', what, { transient, cause })
}
