import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { DifferingClaim, ResolvedQuota } from '../types.ts'
import type { Entry } from './processes.ts'

/**
 * How an upload becomes a blob: something in the database that knows the bytes before they are stored, then the commit. For
 * bytes that are in memory, and are committed once they are stored, that is the process's entry: `admit`, `commit`. All
 * others have a row of their own, which reserves their space too: `reserve` if they are spooled, `intend`, `commit`.
 */
export interface UploadSteps {
  /**
   * Whether an upload without a row would be refused now. Changes nothing: the commit decides, and this only spares the
   * writing of bytes that it would refuse.
   *
   * @throws `AccountDeleted` `QuotaExceeded` `BlobTakenDown` if the CID is purged, `StoreMismatch` if the backend was retired
   */
  admit(upload: Admission): Promise<void>

  /**
   * Reserves space for bytes that are being spooled, before the first is written. The row is identified by `generation`
   * until `intend` gives it its key. Resolves with the bytes reserved. For an unknown size this is the rest of the
   * quota, which then limits the upload. Need not be durable.
   *
   * @throws `AccountDeleted` `QuotaExceeded`
   */
  reserve(upload: Reservation): Promise<number>

  /**
   * The row before the bytes: from here on, bytes under `key` are known, whatever happens. Completes the reservation of
   * that generation, or creates the row. Need not be durable: losing it costs a retry or a sweep, never bytes.
   *
   * @throws `AccountDeleted` `QuotaExceeded`, `UploadExpired` if the reservation was removed, `BlobTakenDown` if the CID is
   *   purged: then no bytes are stored
   */
  intend(upload: Intent): Promise<void>

  /**
   * After the bytes are stored: makes them the account's. Records of the account that wait for the CID reference the
   * blob from here on, whatever they claim of type and size, and the blob takes the type of {@link namedType}. One call
   * handles a bounded number of records: if `waiting` is set, call {@link meetExpectations} for the rest. Whatever the
   * outcome, the upload's row is gone afterwards and the bytes are either live or doomed.
   *
   * @throws `UploadExpired` if the row was removed before, or the entry closed; `QuotaExceeded` without a row. Then nothing
   *   is stored
   */
  commit(upload: Commit): Promise<CommitOutcome>

  /**
   * Lets a bounded number of further waiting records reference a blob, if the account holds it and is not deleted. The
   * blob does not expire while records wait.
   */
  meetExpectations(did: string, cid: BlobCid): Promise<Meeting>

  /**
   * The type by which the account's records reference a blob: the blob's type or, while they wait for it, that of the
   * first record, by revision, that gives one, or null if none does. Examines only some of very many records. Undefined
   * if no record references it.
   */
  namedType(did: string, cid: BlobCid): Promise<string | null | undefined>

  /**
   * The upload failed: removes its row and reservation, and dooms its bytes if there may be any. Need not be durable: the
   * row's lease ends anyway.
   */
  release(upload: Release): Promise<void>

  /**
   * The same for an upload without a row, once `put` was called: dooms its key, unless it was committed, and the answer
   * was lost. If that may be so, the process must have left its entry before: or the commit might still follow.
   */
  giveUp(upload: GivenUp): Promise<void>
}

/** What an upload stores, and where. */
interface UploadedBytes {
  backend: string
  did: string
  cid: BlobCid
  size: number
}

export interface Admission extends UploadedBytes {
  quota: ResolvedQuota
}

export interface Reservation {
  generation: string
  backend: string
  did: string
  size: { known: number; most?: never } | { known?: never; most: number }
  quota: ResolvedQuota
  lease: number
}

export interface Intent extends UploadedBytes {
  generation: string
  key: BlobKey
  /** Checked here unless the space was reserved before. */
  quota: ResolvedQuota
  lease: number
  /** Whether `reserve` was called for this generation. */
  reserved: boolean
}

export interface Commit extends UploadedBytes {
  /** What knows the bytes; null for the upload's own row. */
  entry: Entry | null
  /** Checked here for an upload without a row. */
  quota: ResolvedQuota
  key: BlobKey
  mimeType: string
  /**
   * Whether the client declared a type. Then a blob that no record references takes this type instead of its former
   * one.
   */
  declared: boolean
  /** When the account first had it, in milliseconds since 1970. @default now */
  createdAt?: number | undefined
  /**
   * What to do with bytes that are taken down, for this account or for all: `store` keeps them, hidden. What is purged is
   * refused in any case.
   * @default 'refuse'
   */
  takenDown?: 'refuse' | 'store' | undefined
  /**
   * The reason to quarantine the blob: to hide it from now on, until a moderator decides. What the account has already
   * stays as it is.
   * @default no quarantine
   */
  quarantine?: string | undefined
  grace: number
  /**
   * Content written or verified within this time is kept, and the new bytes doomed; otherwise the new bytes replace it.
   */
  fresh: number
  /** For bytes that were live. */
  deleteDelay: number
  /** For bytes that never were live. */
  unusedDelay: number
}

/** The result for the records that waited for a blob. */
export interface Meeting {
  /** Where waiting records claimed another type or size than the blob has; of many, the first. */
  differing: readonly DifferingClaim[]
  /** Whether more records wait. */
  waiting: boolean
}

export type CommitOutcome =
  | ({ outcome: 'stored'; mimeType: string; quarantined: boolean } & Meeting)
  | { outcome: 'takenDown' }
  | { outcome: 'accountDeleted' }

export interface GivenUp extends UploadedBytes {
  key: BlobKey
  unusedDelay: number
}

export interface Release {
  generation: string
  did: string
  /** The key under which there may be bytes, once `put` was called. */
  key: BlobKey | null
  unusedDelay: number
}
