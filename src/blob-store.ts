import type { CallOptions } from './backend/backend.ts'
import type { BlobRef } from './blob/blob-ref.ts'
import type { BlobCid, CidLike } from './blob/cid.ts'
import type { CollectOptions } from './maintenance/collect.ts'
import type { CollectReport } from './maintenance/collection.ts'
import type { MigrateOptions, MigrateReport } from './maintenance/migrate.ts'
import type { RecoverOptions, RecoverReport } from './maintenance/recover.ts'
import type { ScrubOptions, ScrubReport } from './maintenance/scrub.ts'
import type { SweepOptions, SweepReport } from './maintenance/sweep.ts'
import type { BackupOptions, BackupReport } from './metadata/contract/backup.ts'
import type {
  AccountEntry,
  AccountUsage,
  BlobPage,
  BlobStat,
  ImportProgress,
  MissingBlob,
  StoreStats,
} from './metadata/types.ts'
import type {
  AppliedWrites,
  ApplyWritesOptions,
  BlobReading,
  ListBlobsOptions,
  PageOptions,
  PresignBlobOptions,
  PresignedBlob,
  QueryOptions,
  ReadOptions,
  RecordWrite,
  StatOptions,
  UploadOptions,
} from './store/calls.ts'
import type { BlobStoreHooks } from './store/hooks.ts'
import type { ResolvedLimits, ResolvedTimes } from './store/limits.ts'
import type { BlobModeration } from './store/moderation.ts'
import type { BlobSource } from './store/upload/source.ts'

/** Where a store is. */
export interface StorePlace {
  /** The location of each backend, by its name; undefined where it tells none. */
  readonly backends: Readonly<Record<string, string | undefined>>
  /** The location of the database; undefined for one of the host's. */
  readonly metadata: string | undefined
}

/**
 * The blobs of all accounts of one PDS.
 *
 * A blob belongs to an account: it is always asked for by (DID, CID). The same bytes of two accounts are stored once,
 * which neither can notice. A blob without a reference by a record is *temporary*: only its account sees it, and it
 * is collected after the grace period. A reference makes it *permanent*, losing the last one makes it temporary again.
 *
 * Methods without a `trx` option are not for the inside of a host's transaction: over SQLite they would wait for it, and
 * end in `MetadataBusy`. All methods may be called concurrently, from several processes on one store too. Unless a
 * method says otherwise it is idempotent, an error leaves nothing behind, and an abort rejects with `signal.reason`.
 */
export interface BlobStore extends BlobModeration, AsyncDisposable {
  /** The limits in force, defaults filled in. */
  readonly limits: ResolvedLimits
  /** The times in force, defaults filled in; once the store is open, those that its processes have agreed on. */
  readonly times: ResolvedTimes
  /** Where it is, for people: as far as backends and database tell, and without credentials. */
  readonly place: StorePlace
  /** The hooks in force. To change them: `setHooks`. */
  readonly hooks: Readonly<BlobStoreHooks>

  /**
   * Sets the hooks that are given, for a host that is made after its store. `undefined` removes one; the others stay as they
   * are. Calls that are under way may still use the former ones.
   *
   * @throws `InvalidArgument`
   */
  setHooks(hooks: BlobStoreHooks): void

  /**
   * Opens backend and metadata, creates or checks the tables, checks that the two belong together. Every other method
   * waits for it. Await it when the host starts, to hear of trouble early; and before the first call inside a
   * transaction of the host's, for over SQLite's one connection the store cannot be opened there (`MetadataBusy`).
   *
   * @throws `MetadataUnsafe` `MetadataOutdated` `StoreMismatch`, and what backend and database throw
   */
  ready(): Promise<void>

  /**
   * Stops the janitor, waits for what is under way, then closes what this store opened itself; a Kysely that it was given stays open. Bodies
   * that are still being read end in an error. Later calls throw `StoreClosed`.
   *
   * Waits for 5 minutes at most, and for 5 more until the backends have closed: what then is still under way, in a backend that
   * never answers, is logged, by the names of the calls, and abandoned as after a crash.
   */
  close(): Promise<void>

  /**
   * Takes in a blob. When it resolves, the bytes and the row are on stable storage, and the blob is temporary (or
   * permanent at once, if a record already names it: see `applyWrites` with `missing: 'expect'`). It takes flat memory,
   * about 1 MiB, for any size.
   *
   * Uploading again what the account holds prolongs the grace period. The newest upload that declares a type decides
   * it; once a record references the blob its type stands, and is the answer.
   * How often bytes are stored shows nowhere: not in the answer, the time, or the account's usage. An address in the backend
   * tells: see `presign`.
   * A chunk, or bytes, handed over must not be changed until the call settles. When it rejects, a stream that it has begun to
   * read is closed at once; one that it has not is left for `times.idle`, so that a request can be answered, or the stream be
   * given again, and then closed unless the caller has begun to read it.
   *
   * @throws `PayloadTooLarge` `InvalidSize` `InvalidMimeType` `ScopeMissing` `CidMismatch` `QuotaExceeded` `TooManyUploads` `BlobTakenDown`
   *   `BlobRefused` `InspectionFailed` `AccountDeleted` `UploadTimeout` `UploadInterrupted` `UploadExpired` `StorageFull`
   */
  upload(did: string, body: BlobSource, options?: UploadOptions): Promise<BlobRef>

  /**
   * Records which blobs the records reference: after it the references of each record are exactly the blobs that it names now.
   * SQL only. In the host's own transaction (`trx`) references and records commit or roll back together; when it
   * throws, that transaction must be rolled back. Without `trx` it is a transaction of its own.
   *
   * Every reference is checked every time, before anything is written: the account holds the blob, it is not taken
   * down, `mimeType` (in any of its spellings) and `size` are the stored ones, and the Lexicon's constraints hold if they are given.
   *
   * @throws `BlobNotFound` `BlobTakenDown` `InvalidMimeType` `InvalidSize` `PayloadTooLarge` `InvalidBlobRef` `AccountDeleted`
   */
  applyWrites(did: string, writes: readonly RecordWrite[], options: ApplyWritesOptions): Promise<AppliedWrites>

  /**
   * Opens a blob. The size was compared with the stored bytes when it resolves. Read the body to its end or cancel
   * it: it holds a file or a socket until then. Left alone for `times.idle` it gives up.
   *
   * @throws `BlobNotFound` (also when it is not visible to `as`), `InvalidRange` `BlobMissing` `BlobDamaged`; while it is read,
   *   `ReadTimeout` too
   */
  read(did: string, cid: CidLike, options?: ReadOptions): Promise<BlobReading>

  /**
   * A blob's address in the backend, for a client that is to be sent there: whether `as` may see the blob is checked now,
   * and what it gets there has the blob's type and is to be saved, not shown. Null when `as` cannot see it. The address is of the bytes,
   * which accounts share: it reveals to its recipient whether another account had them before.
   */
  presign(did: string, cid: CidLike, options?: PresignBlobOptions): Promise<PresignedBlob | null>

  /** What is known of a blob, without opening it; null when `as` cannot see it. */
  stat(did: string, cid: CidLike, options?: StatOptions): Promise<BlobStat | null>

  /**
   * A page of CIDs that the account's records reference and everybody may read, ordered by CID
   * (com.atproto.sync.listBlobs): what is missing or taken down is left out.
   */
  listPublic(did: string, options?: ListBlobsOptions): Promise<BlobPage<BlobCid>>

  /** A page of all the account's blobs, temporary ones included, newest first. */
  listAll(did: string, options?: PageOptions): Promise<BlobPage<BlobStat>>

  /**
   * A page of references that are not public because their blob's bytes are missing
   * (com.atproto.repo.listMissingBlobs), ordered by CID and record. What was taken down is left out: it cannot be uploaded.
   */
  listMissing(did: string, options?: PageOptions): Promise<BlobPage<MissingBlob>>

  /** `expectedBlobs` and `importedBlobs` of com.atproto.server.checkAccountStatus. */
  importProgress(did: string, options?: QueryOptions): Promise<ImportProgress>

  /** The URIs of the account's records that name the blob, in no particular order. */
  recordsFor(did: string, cid: CidLike, options?: QueryOptions): Promise<string[]>

  /** What the account's blobs take. */
  usage(did: string, options?: QueryOptions): Promise<AccountUsage>

  /**
   * Forgets all blobs of an account, and refuses new ones until `reopenAccount`. The bytes go with the next collections,
   * unless another account has the same, or `times.takedownHold` keeps what was taken down. What a crash leaves half done is finished by collecting.
   */
  deleteAccount(did: string, options?: CallOptions): Promise<void>

  /**
   * Lets a deleted account have blobs again, as when it moves back. Harmless for any other.
   *
   * @throws `AccountDeleted` (transient) while what it had is still being forgotten
   */
  reopenAccount(did: string, options?: QueryOptions): Promise<void>

  /**
   * Deletes what nothing needs: temporary blobs after the grace period, leftovers of uploads that died, and bytes whose
   * delete delay is over. Any number may run at once. The janitor runs it every few minutes (see `createBlobStore`).
   *
   * @throws `StoreRestored`
   */
  collect(options?: CollectOptions): Promise<CollectReport>

  /**
   * Looks for bytes that no row knows, which only crashes leave, and dooms them; a later collection deletes them.
   * Mandatory: the janitor runs it daily. Stops, and deletes nothing, when more than a tenth would go.
   *
   * @throws `StoreRestored`
   */
  sweep(options?: SweepOptions): Promise<SweepReport>

  /**
   * Reads stored bytes and hashes them again, and counts what accounts have; reports damage, and repairs it where a
   * healthy copy is given. Run it so that each object is seen once a month. When it is aborted, what it has seen
   * counts as verified, so that the next run goes on where it was.
   */
  scrub(options?: ScrubOptions): Promise<ScrubReport>

  /** What all accounts have and what is stored. Reads every account's row: for dashboards, not for requests. */
  stats(): Promise<StoreStats>

  /** A page of all accounts that have a blob, an upload under way, or bytes that wait for deletion, ordered by DID. */
  listAccounts(options?: PageOptions): Promise<BlobPage<AccountEntry>>

  /**
   * Copies the metadata's SQLite file as it is at one moment, while the store serves, by a thread. For a store that has a
   * file of its own (`sqliteMetadata`): the file is copied by the SQLite that has it open, which no other in this process may
   * do. When it resolves, the copy is whole, on stable storage, and marked as by `markBackup`; copy the bytes after it. The
   * file has mode 0600. When it rejects, nothing is there, and a file to be overwritten is as it was.
   *
   * @throws `InvalidArgument`: there is such a file already, or no such folder; or the metadata are in a database of the host's
   * @throws `StorageFull` `MetadataFailed` `MetadataUnsafe`
   */
  backup(path: string, options?: BackupOptions): Promise<BackupReport>

  /**
   * To be called after each other backup of the database, when the dump is complete: a restore of that backup, or of an older
   * one, is then noticed at the next opening, and nothing is deleted until `recover`. Warns where the backup before was
   * older by now than `times.deleteDelay`: a restore of it would have named bytes that are deleted.
   */
  markBackup(): Promise<void>

  /**
   * Moves what is stored in other backends to the one that is written to, while the store serves. Each blob's bytes are
   * copied under a new key, verified by their hash, and switched in one transaction; the old ones are deleted after the
   * delete delay. It may be killed at any time and called again, and run in several processes.
   *
   * 1. Give every process both: `backend: { write: 'disk', all: { disk, s3 } }`.
   * 2. Then write to the new one: `write: 's3'`. A process that finds another which does not know it refuses to open.
   * 3. Call this, once, and again a delete delay later. When the old one's use is nothing, leave it out.
   */
  migrate(options?: MigrateOptions): Promise<MigrateReport>

  /** After a restore of the database: gives forgotten bytes back, and allows collecting and sweeping again. */
  recover(options?: RecoverOptions): Promise<RecoverReport>
}
