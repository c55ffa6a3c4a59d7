import type { MimePolicy } from '../blob/mime-policy.ts'

/** What is taken in. */
export interface Limits {
  /** In bytes, inclusive. @default 5_242_880 (5 MiB, the reference PDS's) */
  maxBlobSize?: number | undefined
  // The any pattern cannot be written in a block comment.
  /** Patterns that the effective type must match: `image/png`, `image/*`, or the one that matches any type. @default {@link defaultAccept} */
  accept?: readonly string[] | undefined
  /** How the declared and the sniffed type make the effective one. @default 'sniffed' */
  mimePolicy?: MimePolicy | undefined
  /** Whether a blob of no bytes is taken; the specification allows it. @default true */
  allowEmpty?: boolean | undefined
}

/** How long things last, in milliseconds. */
export interface Times {
  /** How long a temporary blob lives. The specification's lower bound is one hour. @default 86_400_000 (24 h) */
  grace?: number | undefined
  /**
   * How long bytes outlive the row that named them: longer than the oldest database backup that may be restored, and
   * than the slowest read takes from its query to opening its bytes. @default 86_400_000 (24 h)
   */
  deleteDelay?: number | undefined
  /** The longest that an upload may take in all. @default 1_800_000 (30 min) */
  upload?: number | undefined
  /** The longest that an upload, or a reader, may be silent. @default 30_000 */
  idle?: number | undefined
  /** When an upload that was never finished counts as dead; longer than `upload`. @default 3_600_000 (1 h) */
  lease?: number | undefined
  /** How long bytes count as good after they were written or verified. @default 86_400_000 (24 h) */
  fresh?: number | undefined
}
