import type { CallOptions } from './backend/backend.ts'
import type { BlobRef } from './blob/blob-ref.ts'
import type { BlobCid, CidLike } from './blob/cid.ts'
import type { SpaceUri } from './blob/spaces.ts'
import type { BlobMaintenance } from './maintenance/maintenance.ts'
import type { AccountUsage, BlobPage, BlobStat, ImportProgress, MissingBlob } from './metadata/types.ts'
import type {
  AppliedWrites,
  ApplyWritesOptions,
  BlobReading,
  ListBlobsOptions,
  ListMissingOptions,
  PageOptions,
  PresignBlobOptions,
  PresignedBlob,
  QueryOptions,
  ReadOptions,
  RecordsForOptions,
  RecordWrite,
  RepositoryOptions,
  StatOptions,
  UploadOptions,
} from './store/calls.ts'
import type { DropSpaceReport } from './store/drop-space.ts'
import type { BlobStoreHooks } from './store/hooks.ts'
import type { ResolvedLimits, ResolvedTimes } from './store/limits.ts'
import type { BlobModeration } from './store/moderation.ts'
import type { ResumableUploads } from './store/resumable/resumable-uploads.ts'
import type { BlobSource } from './store/upload/source.ts'

/** Where a store is. */
export interface StorePlace {
  /** The location of each backend, by its name; undefined where the backend states none. */
  readonly backends: Readonly<Record<string, string | undefined>>
  /** The location of the database; undefined for one of the host's. */
  readonly metadata: string | undefined
}

/**
 * The blobs of all accounts of one PDS.
 *
 * A blob belongs to an account: every call names it by DID and CID. The same bytes of two accounts are stored once,
 * which neither account can notice. A blob that no record references is *temporary*: only its account sees it, and it
 * is collected after the grace period. A reference makes it *permanent*; losing the last one makes it temporary again.
 *
 * Do not call methods without a `trx` option inside a host's transaction: over SQLite they would wait for it, and fail
 * with `MetadataBusy`. All methods may be called concurrently, also from several processes on one store. Unless a
 * method says otherwise it is idempotent, an error leaves nothing behind, and an abort rejects with `signal.reason`.
 */
export interface BlobStore extends BlobModeration, BlobMaintenance, AsyncDisposable {
  /** The limits in force, defaults filled in. */
  readonly limits: ResolvedLimits
  /** The times in force, defaults filled in. Once the store is open, those that its processes have agreed on. */
  readonly times: ResolvedTimes
  /** Where the store is, for people, as far as backends and database state it. Without credentials. */
  readonly place: StorePlace
  /** The hooks in force. To change them, call `setHooks`. */
  readonly hooks: Readonly<BlobStoreHooks>

  /**
   * Sets the given hooks, for a host that is created after its store. `undefined` removes a hook; hooks that are not
   * given stay. Calls that are running may still use the former ones.
   *
   * @throws `InvalidArgument`
   */
  setHooks(hooks: BlobStoreHooks): void

  /**
   * Opens backend and metadata, creates or checks the tables, and checks that the two belong together. Every other
   * method waits for it. Await it when the host starts, to find problems early; and before the first call inside a
   * transaction of the host, because over SQLite's one connection the store cannot be opened there (`MetadataBusy`).
   *
   * @throws `MetadataUnsafe` `MetadataOutdated` `StoreMismatch`, and what backend and database throw
   */
  ready(): Promise<void>

  /**
   * Stops the janitor, waits for running calls, then closes what this store opened itself; a Kysely that the host gave
   * stays open. Bodies that are still being read end with an error. Later calls throw `StoreClosed`.
   *
   * Waits at most 5 minutes for calls, and 5 more until the backends have closed. What is still running then, in a
   * backend that never answers, is logged with the names of the calls, and abandoned as after a crash.
   */
  close(): Promise<void>

  /**
   * Stores a blob. When it resolves, the bytes and the row are on stable storage, and the blob is temporary (or
   * permanent at once, if a record already references it: see `applyWrites` with `missing: 'expect'`). Uses about 1 MiB
   * of memory, whatever the size.
   *
   * Uploading a blob again that the account holds renews its grace period. The newest upload that declares a type
   * decides the type; once a record references the blob, its type is fixed, and is the one returned. Whether other
   * accounts have the same bytes shows nowhere: not in the result, the time, or the account's usage; only an address in
   * the backend shows it: see `presign`. Do not change chunks or bytes that were passed until the call settles. When it
   * rejects, a stream that it has begun to read is closed at once. A stream that it has not begun to read stays open
   * for `times.idle`, so that the caller can answer a request or pass the stream again, and is then closed unless the
   * caller has begun to read it.
   *
   * @throws `PayloadTooLarge` `InvalidSize` `InvalidMimeType` `ScopeMissing` `CidMismatch` `QuotaExceeded`
   *   `TooManyUploads` `BlobTakenDown` `PrivateData` `BlobRefused` `InspectionFailed` `AccountDeleted`
   *   `UploadTimeout` `UploadInterrupted` `UploadExpired` `StorageFull`
   */
  upload(did: string, body: BlobSource, options?: UploadOptions): Promise<BlobRef>

  /** Uploads that survive lost connections and restarts. */
  readonly resumable: ResumableUploads

  /**
   * Records which blobs the records reference: afterwards the references of each record are exactly the blobs that it
   * names now. SQL only. In the host's own transaction (`trx`) references and records commit or roll back together;
   * when it throws, that transaction must be rolled back. Without `trx` it opens its own transaction.
   *
   * Checks every reference each time, before anything is written: the account holds the blob, it is not taken down,
   * `mimeType` (in any of its spellings) and `size` are the stored ones, and it meets the Lexicon's constraints if they
   * are given.
   *
   * @throws `BlobNotFound` `BlobTakenDown` `InvalidMimeType` `InvalidSize` `PayloadTooLarge` `InvalidBlobRef`
   *   `AccountDeleted`
   */
  applyWrites(did: string, writes: readonly RecordWrite[], options: ApplyWritesOptions): Promise<AppliedWrites>

  /**
   * Opens a blob. When it resolves, the size was compared with the stored bytes. Read the body to its end or cancel it:
   * until then it holds a file or a socket. If it is not read for `times.idle`, it is closed.
   *
   * @throws `BlobNotFound` (also when it is not visible to `as`), `InvalidRange` `BlobMissing` `BlobDamaged`; while it
   *   is read, `ReadTimeout` too
   */
  read(did: string, cid: CidLike, options?: ReadOptions): Promise<BlobReading>

  /**
   * A blob's address in the backend, to which a client can be redirected. Whether `as` may see the blob is checked now.
   * The address serves the blob with its type, as a download. Null when `as` cannot see it. The address belongs to the
   * bytes, which accounts share, so it shows its recipient whether another account had them before.
   */
  presign(did: string, cid: CidLike, options?: PresignBlobOptions): Promise<PresignedBlob | null>

  /** What is known of a blob, without opening it; null when `as` cannot see it. */
  stat(did: string, cid: CidLike, options?: StatOptions): Promise<BlobStat | null>

  /**
   * A page of CIDs that the account's records reference and everybody may read, ordered by CID
   * (com.atproto.sync.listBlobs). Missing and taken down blobs are left out.
   */
  listPublic(did: string, options?: ListBlobsOptions): Promise<BlobPage<BlobCid>>

  /**
   * The same of the account's records in one space (com.atproto.space.listBlobs). Whether the caller may see the space is the
   * host's to decide.
   */
  listSpace(did: string, space: SpaceUri, options?: ListBlobsOptions): Promise<BlobPage<BlobCid>>

  /** A page of all the account's blobs, temporary ones included, newest first. */
  listAll(did: string, options?: PageOptions): Promise<BlobPage<BlobStat>>

  /**
   * A page of references that are not public because their blob's bytes are missing
   * (com.atproto.repo.listMissingBlobs), ordered by CID and record. Taken down blobs are left out, because they cannot
   * be uploaded.
   */
  listMissing(did: string, options?: ListMissingOptions): Promise<BlobPage<MissingBlob>>

  /** `expectedBlobs` and `importedBlobs` of com.atproto.server.checkAccountStatus. */
  importProgress(did: string, options?: RepositoryOptions): Promise<ImportProgress>

  /** The URIs of the account's records that reference the blob, in no particular order. Each tells its space. */
  recordsFor(did: string, cid: CidLike, options?: RecordsForOptions): Promise<string[]>

  /**
   * Forgets the account's records in one space, as when it deletes its repository there: their blobs are no longer visible by
   * it, and those that nothing else references become temporary again. Runs in small transactions: after a crash or an
   * abort, call it again. It may also forget what is written to the space meanwhile.
   */
  dropSpace(did: string, space: SpaceUri, options?: CallOptions): Promise<DropSpaceReport>

  /** How much the account's blobs use. */
  usage(did: string, options?: QueryOptions): Promise<AccountUsage>

  /**
   * Forgets all blobs of an account, and refuses new ones until `reopenAccount`. Later collections delete the bytes,
   * unless another account has the same, or `times.takedownHold` keeps what was taken down. After a crash, collecting
   * completes it.
   */
  deleteAccount(did: string, options?: CallOptions): Promise<void>

  /**
   * Lets a deleted account have blobs again, for example when it moves back. Does nothing for other accounts.
   *
   * @throws `AccountDeleted` (transient) while its old blobs are still being forgotten
   */
  reopenAccount(did: string, options?: QueryOptions): Promise<void>
}
