/** An upload that outlives its connection. Its reservation of space is a row in `upload`, as for any other. */
export interface ResumableTable {
  /** Random: who knows it and is the account may continue. */
  id: string
  did: string
  /**
   * `open` while parts arrive; `finishing` while the blob is stored, until `busy_until`; `finished`; `ended` while its
   * parts are forgotten.
   */
  state: 'open' | 'finishing' | 'finished' | 'ended'
  /** Null until it is known. */
  size: number | null
  /** The size of each part but the last, if parts arrive in any order; null if bytes are appended. */
  part_size: number | null
  /** How many bytes have arrived. */
  received: number
  /** The key of the row in `upload`; null once it was given up. */
  reservation: string | null
  /** As declared; when it is finished, as stored. */
  mime_type: string | null
  /** The CID that the bytes must have, if any; when it is finished, the CID that they have. */
  cid: string | null
  expires_at: number
  busy_until: number | null
  /** While it is finished: the generation of the upload that stores the blob. */
  claimed_by: string | null
  /** The client's own text. */
  note: string | null
}

/**
 * Bytes of a resumable upload that have arrived. Their key is in `upload` too, without an account, for as long as the
 * upload may last: so a collector and a sweep treat them as those of any upload.
 */
export interface PartTable {
  upload: string
  start: number
  size: number
  key: string
  backend: string
}
