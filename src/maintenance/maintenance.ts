import type { BackupOptions, BackupReport } from '../metadata/contract/backup.ts'
import type { AccountEntry, BlobPage, StoreStats } from '../metadata/types.ts'
import type { PageOptions } from '../store/calls.ts'
import type { CollectOptions } from './collect.ts'
import type { CollectReport } from './collection.ts'
import type { HealOptions, HealReport } from './heal.ts'
import type { HealthOptions, StoreHealth } from './health.ts'
import type { MigrateOptions, MigrateReport } from './migrate.ts'
import type { MirrorReport } from './mirror/run.ts'
import type { MirrorRunOptions } from './mirror.ts'
import type { RecoverOptions, RecoverReport } from './recovery.ts'
import type { ScrubOptions, ScrubReport } from './scrub.ts'
import type { SweepOptions, SweepReport } from './sweep.ts'

/** What keeps a whole store in order: a part of `BlobStore`, whose general terms apply here too. */
export interface BlobMaintenance {
  /**
   * Deletes what nothing needs: temporary blobs after the grace period, leftovers of dead uploads, and bytes whose
   * delete delay is over. Several may run at once. The janitor runs it every few minutes (see `createBlobStore`).
   *
   * @throws `StoreRestored`
   */
  collect(options?: CollectOptions): Promise<CollectReport>

  /**
   * Finds bytes that no row knows, which only crashes leave, and dooms them; a later collection deletes them.
   * Mandatory: the janitor runs it daily. Stops, and deletes nothing, when more than a tenth of the bytes would be
   * doomed.
   *
   * @throws `StoreRestored`
   */
  sweep(options?: SweepOptions): Promise<SweepReport>

  /**
   * Reads and hashes stored bytes, and recounts what accounts have. Reports damage, and repairs it if a healthy copy is
   * given. Run it so that each object is read once a month. After an abort, what was read counts as verified, and the
   * next run continues there.
   */
  scrub(options?: ScrubOptions): Promise<ScrubReport>

  /**
   * Copies to the mirror what is not there yet, until nothing is left, each verified by its hash. The janitor runs it
   * every minute. It may be killed at any time and called again, and may run in several processes.
   *
   * @throws `InvalidArgument` without a mirror; `StoreMismatch` if the place is not this store's mirror
   */
  mirror(options?: MirrorRunOptions): Promise<MirrorReport>

  /**
   * After the loss of a backend's bytes: brings back from the mirror, or another copy, every object that is missing. Also
   * opens a store whose backend is empty, which every other call refuses. It may be killed at any time and called again,
   * and the store serves meanwhile: what is still missing is read from the mirror.
   *
   * @throws `InvalidArgument` with neither a mirror nor `copyOf`
   */
  heal(options?: HealOptions): Promise<HealReport>

  /** What all accounts have and what is stored. Reads every account's row: for dashboards, not for requests. */
  stats(): Promise<StoreStats>

  /**
   * Whether the store works now: for `/healthz`. Asks each backend and the database, at once, each with a deadline. That
   * one does not answer is part of the result; it rejects only if the store could not be opened, or is closed.
   */
  health(options?: HealthOptions): Promise<StoreHealth>

  /**
   * A page of all accounts that have a blob, a running upload, a record that waits for a blob, or bytes that wait for
   * deletion, ordered by DID.
   */
  listAccounts(options?: PageOptions): Promise<BlobPage<AccountEntry>>

  /**
   * Copies the metadata's SQLite file as it is at one moment, in a thread, while the store serves. For a store with a
   * file of its own (`sqliteMetadata`), because only the SQLite library that has the file open in this process may copy
   * it. When it resolves, the copy is complete, on stable storage, and marked as by `markBackup`; copy the bytes after
   * it. The file has mode 0600. When it rejects, there is no new file, and a file to be overwritten is unchanged.
   *
   * @throws `InvalidArgument`: the file exists, the folder does not, or the metadata is in a database of the host
   * @throws `StorageFull` `MetadataFailed` `MetadataUnsafe`
   */
  backup(path: string, options?: BackupOptions): Promise<BackupReport>

  /**
   * Call it after every other backup of the database, when the dump is complete. A restore of that backup, or of an
   * older one, is then noticed at the next opening, and nothing is deleted until `recover`. Logs a warning if the
   * previous backup is older than `times.deleteDelay`: a restore of it would have named bytes that are deleted.
   */
  markBackup(): Promise<void>

  /**
   * Moves what is stored in other backends to the one that is written to, while the store serves. Each blob's bytes are
   * copied under a new key, verified by their hash, and switched in one transaction; the old ones are deleted after the
   * delete delay. It may be killed at any time and called again, and may run in several processes.
   *
   * 1. Give every process both backends: `backend: { write: 'disk', all: { disk, s3 } }`.
   * 2. Then write to the new one: `write: 's3'`. A process refuses to open while another process does not know that
   *    backend.
   * 3. Call this once, and again after the delete delay. When the report shows that the old backend is empty, leave it
   *    out.
   */
  migrate(options?: MigrateOptions): Promise<MigrateReport>

  /**
   * After a restore of the database: gives forgotten bytes back to accounts, and allows collecting and sweeping again.
   */
  recover(options?: RecoverOptions): Promise<RecoverReport>
}
