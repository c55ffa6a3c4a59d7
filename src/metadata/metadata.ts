import type { Logger } from '../logger.ts'
import type { AccountSteps, TakedownSteps } from './contract/accounts.ts'
import type { BackupSteps } from './contract/backup.ts'
import type { CollectSteps, SweepSteps } from './contract/collection.ts'
import type { StoreIdentity } from './contract/identity.ts'
import type { MirrorSteps } from './contract/mirror.ts'
import type { ProcessSteps } from './contract/processes.ts'
import type { PurgeSteps } from './contract/purges.ts'
import type { BlobQueries } from './contract/queries.ts'
import type { RecoverSteps } from './contract/recovery.ts'
import type { ReferenceSteps } from './contract/references.ts'
import type { ResumableSteps } from './contract/resumable.ts'
import type { ScrubSteps } from './contract/scrub.ts'
import type { UploadSteps } from './contract/uploads.ts'

/** The host's `metadata` option: a database that is not open yet. */
export interface MetadataAdapter {
  /** Where the database is, for people, without credentials. Absent if the adapter does not know. */
  readonly location?: string
  /**
   * Connects, checks the settings, creates or checks the tables, and logs what works but should be changed. A second
   * call opens a second connection.
   *
   * @throws `MetadataUnsafe` `MetadataOutdated` `MetadataFailed`
   */
  open(options?: OpenMetadataOptions): Promise<Metadata>
}

export interface OpenMetadataOptions {
  /** @default silent */
  logger?: Logger | undefined
}

/**
 * The metadata: which account has which blob, which record references it, under which key its bytes are stored, and
 * what is to be deleted. Each method is one step of the protocol for the life of a blob (docs/protocol.md). It is
 * atomic and isolated. Several steps may run one after another in one database transaction. Methods that change
 * something resolve when the change is committed, durably unless they say otherwise; with `trx` when it is part of that
 * transaction.
 *
 * All durations are in milliseconds, and all times are the database's. `contract/` has a file for each subject,
 * `queries/` the SQL of each.
 */
export interface Metadata
  extends StoreIdentity,
    UploadSteps,
    ResumableSteps,
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
  /** The steps of the second copy, which are loaded only where they are needed. */
  mirror(): Promise<MirrorSteps>
  /** Closes what `open` opened; what the host gave stays open. */
  close(): Promise<void>
}
