import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { DifferingClaim, ResolvedQuota } from '../types.ts'

/** How an upload becomes a blob: the row before the bytes, then the commit. */
export interface UploadSteps {
  /**
   * Reserves space for bytes that are being spooled, before the first is written. The row is known by `generation`
   * until `intend` gives it its key. Resolves with the bytes reserved: of an unknown size what is left of the quota,
   * which then is the upload's limit. Need not be durable.
   *
   * @throws `AccountDeleted` `QuotaExceeded`
   */
  reserve(upload: Reservation): Promise<number>

  /**
   * The row before the bytes: from here on, bytes under `key` are known, whatever happens. Completes the reservation
   * of that generation, or makes it. Need not be durable: losing it costs a retry or a sweep, never bytes.
   *
   * @throws `AccountDeleted` `QuotaExceeded`, `UploadExpired` when the reservation was taken away, `BlobTakenDown` for what is
   *   purged: of that no bytes are stored
   */
  intend(upload: Intent): Promise<void>

  /**
   * The bytes are stored: makes them the account's. Records of the account that wait for the CID reference the blob from here
   * on, whatever they say of type and size, and the blob takes the type that {@link namedType} tells. They are a bounded number:
   * where `waiting` says that more wait, {@link meetExpectations} goes on. Whatever the outcome, the upload's row is gone
   * afterwards and the bytes are either live or doomed.
   *
   * @throws `UploadExpired` when the row was taken away before; nothing is promised
   */
  commit(upload: Commit): Promise<CommitOutcome>

  /**
   * Lets more of the records that wait for a blob reference it, a bounded number, if the account holds it and was not
   * deleted. While some wait it does not expire.
   */
  meetExpectations(did: string, cid: BlobCid): Promise<Meeting>

  /**
   * The type by which the account's records name a blob: that of the blob or, while they wait for it, what the first of
   * them, by revision, says, or null where none says any. Of very many it looks at some. Undefined when no record names it.
   */
  namedType(did: string, cid: BlobCid): Promise<string | null | undefined>

  /** The upload died: its row and reservation go, and where there may be bytes, they are doomed. */
  release(upload: Release): Promise<void>
}

export interface Reservation {
  generation: string
  backend: string
  did: string
  size: { known: number; most?: never } | { known?: never; most: number }
  quota: ResolvedQuota
  lease: number
}

export interface Intent {
  generation: string
  key: BlobKey
  backend: string
  did: string
  cid: BlobCid
  size: number
  /** Checked here unless the space was reserved before. */
  quota: ResolvedQuota
  lease: number
  /** Whether `reserve` was called for this generation. */
  reserved: boolean
}

export interface Commit {
  key: BlobKey
  backend: string
  did: string
  cid: BlobCid
  size: number
  mimeType: string
  /** Whether the client said what it is. Then a blob that nothing references takes this type in place of its former. */
  declared: boolean
  /** When the account first had it, in milliseconds since 1970. @default now */
  createdAt?: number | undefined
  /**
   * What becomes of bytes that are taken down, for this account or for all: `store` keeps them, hidden. What is purged is
   * refused either way.
   * @default 'refuse'
   */
  takenDown?: 'refuse' | 'store' | undefined
  grace: number
  /** Content written or verified within this time is kept, and the new bytes doomed; else the new bytes win. */
  fresh: number
  /** For bytes that were live. */
  deleteDelay: number
  /** For bytes that never were. */
  unusedDelay: number
}

/** What became of the records that waited for a blob. */
export interface Meeting {
  /** What those that waited say of the blob otherwise than it is; of many, the first. */
  differing: readonly DifferingClaim[]
  /** Whether more wait. */
  waiting: boolean
}

export type CommitOutcome =
  | ({ outcome: 'stored'; mimeType: string } & Meeting)
  | { outcome: 'takenDown' }
  | { outcome: 'accountDeleted' }

export interface Release {
  generation: string
  did: string
  /** Where bytes may be, once `put` was called. */
  key: BlobKey | null
  unusedDelay: number
}
