import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { ResolvedQuota } from '../types.ts'

/**
 * Uploads that outlive their connection. The bytes that have arrived are parts, each stored under a key of its own that
 * a row in `upload` names until the upload ends: so nothing new is needed to find what a crash leaves.
 */
export interface ResumableSteps {
  /**
   * Begins an upload, and reserves space for it: its size, or what arrives. If the account has `most` unfinished ones, the
   * oldest that has no byte and is older than ten minutes is ended.
   *
   * @throws `AccountDeleted` `QuotaExceeded`, `TooManyUploads` if there is none to end
   */
  createResumable(upload: NewResumable): Promise<void>

  /** Null if there is none of this account, it has ended or expired, or it is finished and the account lost the blob. */
  findResumable(did: string, id: string): Promise<ResumableState | null>

  /**
   * For an upload of unknown size: this is its size from now on, and is reserved.
   *
   * @throws `UploadNotFound` `UploadBusy` `AccountDeleted` `QuotaExceeded`, `InvalidSize` if it has another size already, or
   *   more bytes have arrived
   */
  sizeResumable(did: string, id: string, size: number, reservation: ReservationOf): Promise<ResumableState>

  /** The parts that have arrived, in order. */
  partsOf(id: string): Promise<Part[]>

  /** The part with the highest offset. */
  lastPartOf(id: string): Promise<Part | null>

  /**
   * The row before the bytes of a part. `more` is how many bytes the upload reserves for it. Need not be durable.
   *
   * @throws `AccountDeleted`, `QuotaExceeded` before any bytes are stored, `BlobTakenDown` if these bytes are purged for the
   *   account or for all
   */
  intendPart(did: string, part: IntendedPart): Promise<void>

  /**
   * After the bytes are stored: adds the part, in place of the one at `replaces`, whose bytes are doomed. When it
   * resolves, the bytes count as received. If it rejects, call {@link dropKey}.
   *
   * @throws `UploadNotFound` `UploadBusy`, `UploadOffsetMismatch` if another request has added bytes there,
   *   `QuotaExceeded` `AccountDeleted`, `UploadExpired` if its row was removed, `BlobTakenDown` if the bytes were purged
   *   meanwhile, `InvalidSize` if another request has announced fewer bytes meanwhile
   */
  addPart(did: string, id: string, part: NewPart): Promise<ResumableState>

  /** The bytes of a part that was not added: removes the row of their key, and dooms them. Need not be durable. */
  dropKey(
    did: string,
    part: { id: string; start: number; key: BlobKey; size: number },
    unusedDelay: number,
  ): Promise<void>

  /**
   * Before the blob is stored from the parts: moves the reservation to the upload that stores it, so that nobody else
   * can use the space. For `claim` milliseconds, and then as long as {@link renewClaim} is called, no other request may do
   * the same.
   *
   * @throws `UploadNotFound` `UploadBusy` `AccountDeleted` `QuotaExceeded`, `InvalidSize` if bytes are missing
   */
  claimResumable(did: string, id: string, reservation: ReservationOf, claim: number): Promise<ResumableState>

  // Each of these does nothing if the claim of `generation` has lapsed and another request has taken over since.

  /** While the blob is stored: the claim lasts for `claim` milliseconds from now. Need not be durable. */
  renewClaim(did: string, id: string, generation: string, claim: number): Promise<void>

  /** The blob is stored: from now on the upload answers with it, until it expires or 100 later ones have finished. */
  finishResumable(
    did: string,
    id: string,
    generation: string,
    blob: { cid: BlobCid; mimeType: string; size: number },
  ): Promise<void>

  /** The blob could not be stored now: the upload may be finished again. Reserves its space again, which was its own. */
  reopenResumable(did: string, id: string, generation: string, reservation: ReservationOf): Promise<void>

  /**
   * Gives an upload up: nothing can be added to it, and its space is free. Without a generation whoever claims it.
   * Does nothing if there is none.
   */
  endResumable(did: string, id: string, generation?: string): Promise<void>

  /**
   * Forgets up to `limit` parts of an upload that has ended or is finished, and dooms their bytes, due at once. Resolves with those
   * that were forgotten. What nobody forgets so, a collection does when the upload expires.
   */
  forgetParts(did: string, id: string, limit: number): Promise<Part[]>

  /** A page of uploads whose time is over. */
  expiredResumables(limit: number): Promise<{ id: string; did: string }[]>

  /** Forgets up to `limit` parts of such an upload, then the upload. Resolves with how many rows were forgotten. */
  forgetResumable(did: string, id: string, limit: number): Promise<number>
}

export interface ReservationOf {
  generation: string
  backend: string
  quota: ResolvedQuota
  lease: number
}

export interface NewResumable extends ReservationOf {
  id: string
  did: string
  size: number | null
  partSize: number | null
  mimeType: string | null
  cid: BlobCid | null
  note: string | null
  /** How long it may last, in milliseconds. */
  expires: number
  /** How many unfinished ones the account may have. */
  most: number
}

export interface ResumableState {
  id: string
  size: number | null
  partSize: number | null
  received: number
  /** As declared; when it is finished, as stored. */
  mimeType: string | null
  /** The CID that the bytes must have, if any; when it is finished, the CID that they have. */
  cid: BlobCid | null
  /** The client's own text. */
  note: string | null
  /** In milliseconds since 1970. */
  expiresAt: number
  finished: boolean
}

export interface Part {
  start: number
  size: number
  key: BlobKey
  backend: string
}

/** A part whose bytes are about to be stored. */
export interface IntendedPart {
  key: BlobKey
  backend: string
  cid: BlobCid
  size: number
  /** How many bytes the upload reserves for it: none if it was begun with its size. */
  more: number
  quota: ResolvedQuota
  lease: number
}

export interface NewPart extends Part {
  /** Where the part that it replaces starts. */
  replaces: number | null
  /** How much had arrived when the part was begun; null for a part at a place of its own. */
  after: number | null
  /** For an upload whose claim has lapsed: it is open again, with its space. */
  reservation: ReservationOf
}
