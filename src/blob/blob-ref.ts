import type { CID } from 'multiformats/cid'

/**
 * A blob as a record names it (https://atproto.com/specs/data-model#blob-type).
 *
 * A plain object that is right in every form: `JSON.stringify` writes its link as `{"$link": "bafkrei…"}`,
 * dag-cbor as a CID link (tag 42), and the AT Protocol's own libraries take it for theirs.
 */
export interface BlobRef {
  $type: 'blob'
  ref: CID
  mimeType: string
  /** In bytes. */
  size: number
}
