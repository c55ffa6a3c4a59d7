import type { AccountSteps, TakedownSteps } from './contract/accounts.ts'
import type { BackupSteps } from './contract/backup.ts'
import type { CollectSteps, SweepSteps } from './contract/collection.ts'
import type { StoreIdentity } from './contract/identity.ts'
import type { ProcessSteps } from './contract/processes.ts'
import type { PurgeSteps } from './contract/purges.ts'
import type { BlobQueries } from './contract/queries.ts'
import type { RecoverSteps } from './contract/recovery.ts'
import type { ReferenceSteps } from './contract/references.ts'
import type { ScrubSteps } from './contract/scrub.ts'
import type { UploadSteps } from './contract/uploads.ts'

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
 * All durations are in milliseconds, and all times are the database's. `contract/` has a file for each subject, `queries/` the SQL
 * of each.
 */
export interface Metadata
  extends StoreIdentity,
    UploadSteps,
    ReferenceSteps,
    BlobQueries,
    TakedownSteps,
    PurgeSteps,
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
