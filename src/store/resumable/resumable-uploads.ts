import type { CallOptions } from '../../backend/backend.ts'
import type { BlobRef } from '../../blob/blob-ref.ts'
import type { CidLike } from '../../blob/cid.ts'
import type { UploadLimits } from '../calls.ts'
import type { BlobSource } from '../upload/source.ts'

/**
 * Uploads that survive lost connections and restarts: their bytes are sent in as many requests as it takes. What was
 * acknowledged is on stable storage. The blob exists when `finish` resolves, as after `upload`, with the same checks.
 *
 * An upload belongs to its account: every call names both, and another account's id is `UploadNotFound`. It lasts for
 * `times.resumable`, however much is sent, and is then forgotten with its bytes.
 */
export interface ResumableUploads {
  /**
   * Begins an upload and reserves its space: `size` bytes, or what arrives. If the account has `limits.uploads.resumable`
   * unfinished ones, the oldest that has no byte and is older than ten minutes is ended for it.
   *
   * @throws `PayloadTooLarge` `QuotaExceeded` `AccountDeleted`, `TooManyUploads` (not `transient`) if there is none to end
   */
  create(did: string, options?: CreateResumableOptions): Promise<ResumableUpload>

  /**
   * Adds bytes at `offset`, which must be where the upload ends. When it rejects, because the connection was lost or the
   * signal aborted, what had arrived is kept if possible: ask `stat` for the offset to continue from. An append of the
   * same upload that still runs in this process ends first.
   *
   * @throws `UploadNotFound` `UploadOffsetMismatch` (with `offset`) `UploadBusy` `PayloadTooLarge` `InvalidSize`
   *   `QuotaExceeded` `UploadTimeout` `UploadInterrupted`; `BlobMissing` or `BlobDamaged` if bytes that had arrived are lost:
   *   then the upload has ended
   */
  append(did: string, id: string, offset: number, body: BlobSource, options?: AppendOptions): Promise<ResumableUpload>

  /**
   * For an upload that was created with `partSize`: stores one part, the first is 1. Parts may arrive in any order and at
   * once, and each replaces the one before of that number. A part is stored whole or not at all.
   *
   * @throws as `append`; `InvalidArgument` for a number that the upload has not, `InvalidSize` for a part of another length
   */
  putPart(did: string, id: string, part: number, body: BlobSource, options?: PutPartOptions): Promise<ResumableUpload>

  /** The state of an upload, or null if the account has none of this id, or lost the blob that it became. */
  stat(did: string, id: string, options?: CallOptions): Promise<ResumableUpload | null>

  /**
   * Makes the bytes a blob of the account. Once it has resolved, it resolves with the same blob again until the upload
   * expires, the account has lost the blob, or 100 later uploads of it have finished: a client that lost the response asks
   * again. If it fails because of the bytes, the upload has ended; if only the limits of this call refuse them, it has not.
   *
   * @throws what `upload` throws; `UploadNotFound`, `UploadBusy` while another request does the same, `InvalidSize` if
   *   bytes are missing
   */
  finish(did: string, id: string, options?: FinishResumableOptions): Promise<BlobRef>

  /** Ends an upload and forgets its bytes. Does nothing for one that has finished, or is not there. */
  abort(did: string, id: string, options?: CallOptions): Promise<void>
}

export interface CreateResumableOptions extends CallOptions, UploadLimits {
  /** How many bytes there will be. Required with `partSize`. @default known when it is finished */
  size?: number | undefined
  /**
   * For parts in any order: the size in bytes of each but the last, from 64 KiB to 8 MiB, for at most 1,000 parts.
   * @default bytes are appended
   */
  partSize?: number | undefined
  /** As for `upload`. */
  mimeType?: string | undefined
  /** As for `upload`. */
  fileName?: string | undefined
  /** As for `upload`; checked when it is finished. */
  cid?: CidLike | undefined
  /** A text of the client's own, up to 4,096 characters, which `stat` gives back. The store does nothing with it. */
  note?: string | undefined
}

/** The limits of the request that sends bytes. */
export interface AppendOptions extends CallOptions, UploadLimits {
  /** How many bytes the whole upload will have, if that is known only now. From now on it is fixed. @default as before */
  size?: number | undefined
}

/** The limits of the request that sends a part. */
export interface PutPartOptions extends CallOptions, UploadLimits {}

/** The limits of the request that finishes the upload. */
export interface FinishResumableOptions extends CallOptions, UploadLimits {}

export interface ResumableUpload {
  /** Random, of 26 letters and digits. Whoever is the account and knows it may continue. */
  id: string
  /** How many bytes have arrived. */
  offset: number
  /** Null until it is known. */
  size: number | null
  /** Null if bytes are appended. */
  partSize: number | null
  /** The numbers of the parts that have arrived, for an upload with `partSize`. */
  parts: number[]
  /** As it was given to `create`. */
  note: string | null
  expiresAt: Date
  /** The blob, once it is finished. */
  blob: BlobRef | null
}
