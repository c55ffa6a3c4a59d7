import type { BlobKey } from '../backend/key.ts'
import type { BlobCid } from '../blob/cid.ts'
import type { BackupSteps } from './backup.ts'
import type { RecoverSteps, ScrubSteps } from './care.ts'
import type { Account, BlobCounts, BlobStat, DifferingClaim, MissingBlob, Page, Usage, Viewer } from './facts.ts'
import type { CollectSteps, Delays, SweepSteps } from './garbage.ts'
import type { HostTransaction } from './host-database.ts'
import type { ProcessSteps } from './processes.ts'
import type { UploadSteps } from './uploads.ts'

/** What a host hands over as `metadata`: facts that are not open yet. */
export interface MetadataAdapter {
  /** Where the database is, for people, without credentials. Absent where the adapter does not know. */
  readonly location?: string
  /**
   * Connects, checks the settings, creates or checks the tables. A second call is a second connection.
   *
   * @throws `MetadataUnsafe` `MetadataOutdated` `MetadataFailed`
   */
  open(): Promise<Metadata>
}

/**
 * Where facts live: which account has which blob, which record references it, under which key its bytes are, and what
 * is to be deleted. Each method is one step of the protocol by which blobs live and die (docs/protocol.md), and happens
 * whole or not at all, as if alone. Several steps may share one transaction of the database, one after another. Methods that
 * change something resolve when the change is committed, durably unless they say otherwise; with `trx` when it is part of
 * that transaction.
 *
 * All durations are in milliseconds, and all times are the database's.
 */
export interface Metadata
  extends StoreIdentity,
    UploadSteps,
    ReferenceSteps,
    BlobQueries,
    TakedownSteps,
    AccountSteps,
    CollectSteps,
    SweepSteps,
    ScrubSteps,
    RecoverSteps,
    ProcessSteps,
    Partial<BackupSteps> {
  /** Closes what `open` opened; what the host gave stays open. */
  close(): Promise<void>
}

interface InTransaction {
  trx?: HostTransaction | undefined
}

// ---------------------------------------------------------------------------------------------------- identity

/** A database and its bytes know each other by an id and an epoch, which the backend's marker repeats. */
export interface StoreIdentity {
  /** The store's id and epoch. The first call ever makes them. */
  identity(): Promise<Identity>
  /** Begins the next epoch, and resolves with it. */
  nextEpoch(): Promise<number>
  /** Remembers that the database is older than its bytes. From then on collecting and sweeping refuse. */
  markRestored(): Promise<void>
  /** Whether the database names any bytes in the backend: then an empty backend is the wrong one. */
  hasContent(backend: string): Promise<boolean>
  /**
   * Since when, by the database's clock, the same was found in a backend, each time that it was asked about: since now, where
   * it was asked about something else before.
   */
  sameSince(backend: string, found: string): Promise<number>
  /** A copy of the database is complete. Resolves with how long ago the one before was, in milliseconds; null for the first. */
  noteBackup(): Promise<number | null>
}

export interface Identity {
  id: string
  epoch: number
  restored: boolean
  /** Tells this database from its copies, which share all else; null where nothing does. */
  place: string | null
  /** By the database's clock, in milliseconds since 1970. */
  now: number
}

// -------------------------------------------------------------------------------------------------- references

export interface ReferenceSteps {
  /**
   * Makes the references of each record exactly those given. Checks all before it writes any.
   *
   * @throws as `BlobStore.applyWrites`
   */
  applyReferences(
    did: string,
    records: ReadonlyMap<string, RecordRefs>,
    options: ApplyOptions,
  ): Promise<AppliedReferences>
}

export interface AppliedReferences {
  /** False when `onlyIf` did not hold: then nothing was written. */
  applied: boolean
  /** CIDs that lost their last public reference. */
  hidden: BlobCid[]
  /** Of imported records: references to blobs that are held with another type or size. At most 100. */
  differing: DifferingClaim[]
}

/** What one record names, and who sees it by that. */
export interface RecordRefs {
  refs: readonly WantedRef[]
  scope: string
}

/** A reference as the record has it. */
export interface WantedRef {
  cid: BlobCid
  mimeType: string
  /** Undefined where the reference tells none, as in the legacy form. */
  size: number | undefined
  accept?: readonly string[] | undefined
  maxSize?: number | undefined
}

export interface ApplyOptions extends InTransaction {
  rev: string
  grace: number
  missing: 'reject' | 'expect'
  onlyIf?: NamedBy | undefined
}

/** That exactly these records reference the account's blob. */
export interface NamedBy {
  cid: BlobCid
  recordUris: readonly string[]
}

// ----------------------------------------------------------------------------------------------------- queries

export interface BlobQueries {
  /** One query: what a read needs to know, or null when `as` cannot see the blob. */
  resolve(did: string, cid: BlobCid, options: ResolveOptions): Promise<ResolvedBlob | null>
  listReferenced(did: string, options: ListRequest): Promise<Page<BlobCid>>
  listOwn(did: string, options: PageRequest): Promise<Page<BlobStat>>
  listMissing(did: string, options: PageRequest): Promise<Page<MissingBlob>>
  counts(did: string, options: InTransaction): Promise<BlobCounts>
  recordsFor(did: string, cid: BlobCid, options: InTransaction): Promise<string[]>
  usage(did: string, options: InTransaction): Promise<Usage>
  listAccounts(options: PageRequest): Promise<Page<Account>>
}

export interface ResolveOptions extends InTransaction {
  as: Viewer
  /** Scopes whose references count for the public. */
  scopes: readonly string[]
}

export interface ResolvedBlob extends BlobStat {
  key: BlobKey
  backend: string
}

export interface ListRequest extends PageRequest {
  since: string | undefined
  scopes: readonly string[]
}

export interface PageRequest extends InTransaction {
  limit: number
  cursor: string | undefined
}

// --------------------------------------------------------------------------------------------------- takedowns

export interface TakedownSteps {
  /** `did` may be `*` for every account. */
  takedown(did: string, cid: BlobCid, options: { ref: string | null } & InTransaction): Promise<void>
  restore(did: string, cid: BlobCid, options: InTransaction): Promise<void>
}

// ---------------------------------------------------------------------------------------------------- accounts

export interface AccountSteps {
  /** Marks the account: from then on nothing is added to it. Resolves with the mark. */
  markDeleted(did: string): Promise<number>
  /**
   * Deletes up to `limit` of a marked account's references and blobs. Resolves with whether any remain, but for those that a
   * takedown holds: they have expired, and are collected when it does so no more. Does nothing when the mark is no longer
   * this one.
   */
  deleteSome(did: string, mark: number, options: { limit: number } & Delays): Promise<boolean>
  /** Marked accounts of which something remains, as after a crash. */
  unfinishedDeletions(limit: number): Promise<{ did: string; mark: number }[]>
  /** Takes the mark away. */
  reopen(did: string, options: InTransaction): Promise<void>
}
