/**
 * What the store's option `privacy` takes: looks for private data in each upload before its CID is known to the
 * uploader. `privateData()` of `pds-blobstore/privacy` makes one.
 */
export interface Privacy {
  /**
   * Called with all bytes of an upload, before they are hashed for good. Resolves with what to change in them, in order
   * and without overlaps; with nothing to store them as they are. If it rejects, so does the upload, with that error.
   */
  examine(upload: ExaminedUpload): Promise<readonly Change[]>
}

export interface ExaminedUpload {
  did: string
  /** In bytes. */
  size: number
  /** The bytes from `start` to before `end`, which are both within. They are valid until the next call. */
  read(start: number, end: number): Promise<Uint8Array>
  /** Aborts with the upload. `read` rejects then. */
  signal: AbortSignal
}

/** The bytes from `start` to before `end` become `bytes`, which are at most as many. */
export interface Change {
  start: number
  end: number
  bytes: Uint8Array
  /** The byte that fills the rest, so that nothing behind it moves. @default the rest is cut */
  fill?: number | undefined
}
