/** What one account may have. */
export interface Quota {
  /** Bytes of its blobs and of its uploads under way. @default unlimited */
  bytes?: number | undefined
  /** Number of its blobs and of its uploads under way. @default unlimited */
  blobs?: number | undefined
  /** Number of its blobs that no record references. @default unlimited */
  temporaryBlobs?: number | undefined
  /**
   * Bytes that were its own and wait for their deletion. While there are more, it cannot upload: deleting and uploading
   * again must not be a way to fill the disk.
   * @default `bytes`
   */
  pendingBytes?: number | undefined
}

export type ResolvedQuota = { readonly [K in keyof Quota]-?: number }
