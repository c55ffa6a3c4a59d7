import type { CallOptions } from '../backend/backend.ts'
import type { BlobKey } from '../backend/key.ts'
import type { BlobCid } from '../blob/cid.ts'
import type { SharedTimes } from './shared-times.ts'
import type {
  AccountEntry,
  AccountUsage,
  BlobPage,
  BlobStat,
  BlobViewer,
  DifferingClaim,
  HostTransaction,
  ImportProgress,
  MissingBlob,
  ResolvedQuota,
  StoreStats,
} from './types.ts'

/** What a host hands over as `metadata`: a database that is not open yet. */
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
 * The metadata: which account has which blob, which record references it, under which key its bytes are, and what
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
  listReferenced(did: string, options: ListRequest): Promise<BlobPage<BlobCid>>
  listOwn(did: string, options: PageRequest): Promise<BlobPage<BlobStat>>
  listMissing(did: string, options: PageRequest): Promise<BlobPage<MissingBlob>>
  counts(did: string, options: InTransaction): Promise<ImportProgress>
  recordsFor(did: string, cid: BlobCid, options: InTransaction): Promise<string[]>
  usage(did: string, options: InTransaction): Promise<AccountUsage>
  listAccounts(options: PageRequest): Promise<BlobPage<AccountEntry>>
}

export interface ResolveOptions extends InTransaction {
  as: BlobViewer
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

// ----------------------------------------------------------------------------------------------------- uploads

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
   * @throws `AccountDeleted` `QuotaExceeded`, `UploadExpired` when the reservation was taken away
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
  /** What becomes of bytes that are taken down, for this account or for all: `store` keeps them, hidden. @default 'refuse' */
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

// -------------------------------------------------------------------------------------------------- collection

/** Each refuses with `StoreRestored` while the database is marked as restored. */
export interface CollectSteps {
  /** Milliseconds since 1970 by the database's clock, which all of its times are of. */
  clock(): Promise<number>
  /**
   * Brings back times that lie further in the future than the longest delay that the store ever had: the clock ran ahead when
   * they were stored. Each delay begins now. Changes up to `limit` rows of each table, and resolves with how many.
   */
  bringBack(options: Ahead): Promise<number>
  /** A page of the blobs past their grace period that no takedown holds, in the order in which they expired. */
  expiredBlobs(page: { after: ExpiredBlob | null; limit: number; takedownHold: number }): Promise<ExpiredBlob[]>
  /** How many accounts have blobs, and how many these have, of the accounts asked for. */
  countBlobs(dids: readonly string[]): Promise<{ accounts: number; blobs: ReadonlyMap<string, number> }>
  /**
   * Deletes those of the account's blobs that are expired, unreferenced and not held, and the content that no account has any
   * more, with its tombstone. Resolves with the number of blobs deleted.
   */
  collectBlobs(did: string, cids: readonly BlobCid[], options: Delays): Promise<number>
  /** Temporary blobs that are not to be forgotten yet: they expire `delay` milliseconds from now. */
  postponeBlobs(did: string, cids: readonly BlobCid[], options: { delay: number }): Promise<void>
  /** Uploads whose lease is over. */
  expiredUploads(limit: number): Promise<{ did: string | null; key: string }[]>
  /** Ends an upload whose lease is over, and dooms its bytes. Resolves with whether it did. */
  collectUpload(did: string | null, key: string, options: { unusedDelay: number }): Promise<boolean>
  /** Keys whose bytes might be deleted at a time, by {@link clock}: those that were put off since then are not among them. */
  dueKeys(limit: number, at: number): Promise<DoomedKey[]>
  /** The bytes are gone: drops the tombstones. */
  forgetKeys(keys: readonly DoomedKey[]): Promise<void>
  /** The bytes could not be deleted: notes why, and when to try again. */
  postponeKeys(keys: readonly BlobKey[], options: { error: string; delay: number }): Promise<void>
  /** What collecting would find now of uploads and keys. */
  countDue(): Promise<DueCounts>
  /** Keys that are doomed, due or not. */
  countDoomed(): Promise<number>
}

export interface Ahead {
  limit: number
  /** After how many milliseconds at least something that was put off is tried again. */
  retry: number
  /** How much longer than its lease an upload may last, for its bytes: at so many bytes a second, and at most. */
  allowance: { rate: number; most: number }
}

/** In milliseconds. */
export interface Delays {
  /** From the last row that named bytes to their deletion. */
  deleteDelay: number
  /** From the first takedown of a blob to the deletion of its row. */
  takedownHold: number
}

export interface ExpiredBlob {
  did: string
  cid: BlobCid
  expiresAt: number
  /** Whether a record references it or waits for it: then it has not expired at all, and only needs to be looked at once. */
  referenced: boolean
  /** Whether records still wait for it, as after a crash: `meetExpectations` is for those. */
  waited: boolean
  /** Whether one ever did. */
  wasReferenced: boolean
}

export interface DueCounts {
  /** Uploads whose lease is over. */
  uploads: number
  /** Keys whose bytes may be deleted, and these as far as known. */
  keys: number
  bytes: number
}

export interface DoomedKey {
  key: BlobKey
  /** Null where there are no bytes, only a charge. */
  backend: string | null
  did: string | null
  size: number
}

/** Each refuses with `StoreRestored` while the database is marked as restored. */
export interface SweepSteps {
  /**
   * Notes those of the keys, as they were listed just before, that are in no table. All tables are looked at in one
   * statement: looked at one after the other, a key could move from the next to the last between the looks.
   * Resolves with their number.
   */
  noteUnknown(sweep: string, keys: readonly BlobKey[]): Promise<number>
  /** Dooms up to `limit` of the keys noted that are still unknown. Resolves with whether any remain noted. */
  doomNoted(sweep: string, options: { backend: string; limit: number; deleteDelay: number }): Promise<boolean>
  /** Forgets the notes of this sweep, or those of all. */
  forgetNotes(sweep: string | null): Promise<void>
}

// ------------------------------------------------------------------------------------------ scrub and recovery

export interface ScrubSteps {
  /** A page of the live content, ordered by CID: all of it, or what was not verified within `olderThan` milliseconds. */
  contents(page: { after: BlobCid | ''; limit: number; olderThan?: number }): Promise<Content[]>
  /** The live content of a CID. */
  contentOf(cid: BlobCid): Promise<Content | null>
  /** The bytes under this key are good. */
  markVerified(cid: BlobCid, key: BlobKey): Promise<void>
  /**
   * The bytes under this key are not the content's. Resolves with whether it still is the content's key; then the next
   * upload of the CID replaces it.
   */
  markDamaged(cid: BlobCid, key: BlobKey): Promise<boolean>
  /** The row before bytes that no account uploads: a copy that will replace the content's. */
  intendCopy(copy: { key: BlobKey; backend: string; cid: BlobCid; lease: number }): Promise<void>
  /**
   * The copy is stored: makes it the content's bytes if these still are those of `old`, and dooms them; else dooms the
   * copy. Resolves with whether it did.
   */
  replaceContent(copy: { old: Content; key: BlobKey; backend: string; deleteDelay: number }): Promise<boolean>
  /** A page of the accounts, ordered by DID. */
  accounts(page: { after: string; limit: number }): Promise<string[]>
  /** Counts what the account has, and corrects its row. Resolves with what the row said and what there is. */
  recount(did: string): Promise<{ said: AccountUsage; counted: AccountUsage }>
  /** What all accounts have, and what is stored. Reads every account's row. */
  totals(): Promise<StoreStats>
}

export interface Content {
  cid: BlobCid
  key: BlobKey
  backend: string
  size: number
}

export interface RecoverSteps {
  /**
   * Of the keys as listed: those in no table, those that are some content's, and those that are doomed. Looked up in one
   * statement.
   */
  recoverableKeys(keys: readonly BlobKey[]): Promise<{ unknown: BlobKey[]; live: BlobKey[]; doomed: BlobKey[] }>
  /**
   * Gives the account the CID, as a temporary blob; at once permanent where its records wait for it. The bytes are those
   * under `content.key`, which is the content's; or that of a copy announced by `intendCopy`, which takes the place of the content's
   * older ones. Of the records that wait for it some reference it from here on, and `meetExpectations` goes on.
   */
  adopt(found: {
    content: Content
    did: string
    mimeType: string
    grace: number
    deleteDelay: number
  }): Promise<Adoption>
  /** Collecting and sweeping are allowed again, from this epoch on. */
  clearRestored(epoch: number): Promise<void>
}

/**
 * What became of it. `refused`: the account is deleted, or the bytes are no longer the content's. What is taken down for anybody is
 * given to nobody.
 */
export type Adoption = 'adopted' | 'held' | 'taken down' | 'refused'

export interface BackupOptions extends CallOptions {
  /** Replaces a file that is there, once the new one is whole. @default false */
  overwrite?: boolean | undefined
  /** Called now and then, with the pages of the database that are copied, and how many it has. */
  onProgress?: ((progress: BackupProgress) => void) | undefined
}

export interface BackupProgress {
  pages: number
  of: number
}

export interface BackupReport {
  /** The size of the copy. */
  bytes: number
}

/** For metadata that can copy themselves, those in a file of the store's own. */
export interface BackupSteps {
  /**
   * Copies the database as it is at one moment, while others write. The copy has its name only when it is whole, on stable
   * storage, and `complete` has resolved.
   */
  backup(path: string, options: BackupOptions & { complete: () => Promise<void> }): Promise<BackupReport>
}

// --------------------------------------------------------------------------------------------------- processes

// Processes know of each other, so that none stores bytes where another one, which serves them too, does not look.

export interface ProcessSteps {
  /**
   * Notes that a process has the store open, for `lease` milliseconds; called again, notes it anew. Others of which the database
   * says that they have it open for longer than that have told so by a clock that ran ahead: they have it for `lease` from now,
   * in which those that live tell again. That stays where this one is refused. Resolves with the
   * longest times by which something is deleted that any open process was given; where none was given one, with the
   * last that the store had.
   *
   * @throws `StoreMismatch` when there are bytes in a backend that it was not given, when it writes to one in which there
   * are none yet and which another process, open now, was not given, or to one that was retired since it opened the store
   */
  enter(process: ProcessNote): Promise<SharedTimes>
  /** The process closes the store. Resolves with how many others have it open. */
  leave(id: string): Promise<number>
  /** What still keeps a backend in use. When that is nothing, forgets that it ever was: it may be given no more. */
  retireBackend(name: string): Promise<BackendUse>
}

export interface ProcessNote {
  id: string
  backends: readonly string[]
  writesTo: string
  lease: number
  /** Whether it opens the store. Later it may only say that it is still there: what was retired meanwhile stays so. */
  opening: boolean
  /** What it was given; what it has by default it leaves to others. */
  times: SharedTimes
  /** What it has of them while nobody was given any. */
  defaults: SharedTimes
}

export interface BackendUse {
  /** Whether live bytes are in it. */
  content: boolean
  /** Whether uploads to it are under way, or died and are not collected. */
  uploads: boolean
  /** Whether bytes in it wait for their deletion. */
  doomed: boolean
  /** How many open processes write to it. */
  writers: number
}
