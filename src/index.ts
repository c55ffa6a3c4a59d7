// Blobs: their names, their references, their types.

// Where bytes are stored.
export type {
  BackendObject,
  BlobBackend,
  ByteRange,
  CallOptions,
  GetOptions,
  KeyPage,
  ListOptions,
  OpenOptions,
  PresignOptions,
  PutBody,
  Spool,
} from './backend/backend.ts'
export { DiskBackend } from './backend/disk/disk-backend.ts'
export type { DiskBackendOptions } from './backend/disk/options.ts'
export type { BlobKey } from './backend/key.ts'
export { MemoryBackend, type MemoryBackendOptions } from './backend/memory.ts'
export {
  type BlobRef,
  type BlobRefJson,
  blobRefToJson,
  createBlobRef,
  isBlobRef,
  isLegacyBlobRef,
  type LegacyBlobRef,
  parseBlobRef,
} from './blob/blob-ref.ts'
export {
  type BlobCid,
  type CidLike,
  cidOfBytes,
  cidOfRecord,
  cidOfStream,
  isBlobCid,
  parseBlobCid,
} from './blob/cid.ts'
export { mimeTypeOfFileName } from './blob/file-name.ts'
export { type FindOptions, type FoundBlobRef, findBlobRefs } from './blob/find-blob-refs.ts'
export { type BlobGrant, blobGrants } from './blob/grants.ts'
export { defaultAccept, matchesAccept, parseMimeType, socialAccept } from './blob/mime.ts'
export { effectiveMimeType, type KnownTypes, type MimePolicy } from './blob/mime-policy.ts'
export { type SniffedHead, sniffHead, sniffMimeType } from './blob/sniff/sniff.ts'
export type { BlobStore, StorePlace } from './blob-store.ts'
// The store.
export type { BlobStoreOptions } from './blob-store-options.ts'
export { createBlobStore } from './create-blob-store.ts'
export { BlobStoreError, type BlobStoreErrorCode, isBlobStoreError } from './errors.ts'
export type { Logger } from './logger.ts'
// Maintenance.
export type { CollectOptions } from './maintenance/collect.ts'
export type { CollectReport } from './maintenance/collection.ts'
export type { HealFinding, HealOptions, HealReport } from './maintenance/heal.ts'
export type { BackendHealth, Health, HealthOptions, MirrorHealth, StoreHealth } from './maintenance/health.ts'
export type { JanitorOptions } from './maintenance/janitor.ts'
export type { JanitorRun, JanitorRuns } from './maintenance/janitor-runs.ts'
export type { BlobMaintenance } from './maintenance/maintenance.ts'
export type { MigrateFinding, MigrateOptions, MigrateReport } from './maintenance/migrate.ts'
export type { MirrorFinding, MirrorReport } from './maintenance/mirror/run.ts'
export type { MirrorRunOptions } from './maintenance/mirror.ts'
export type { BlobOwner, RecoverOptions, RecoverReport } from './maintenance/recovery.ts'
export type { ScrubFinding, ScrubOptions, ScrubReport } from './maintenance/scrub.ts'
export type { SweepOptions, SweepReport } from './maintenance/sweep.ts'
export type { TransferOptions, TransferReport } from './maintenance/transfer-job.ts'
export type { TakedownRecord } from './metadata/contract/accounts.ts'
export type { BackupOptions, BackupProgress, BackupReport } from './metadata/contract/backup.ts'
export type { MirrorLag } from './metadata/contract/mirror.ts'
export type { BackendUse } from './metadata/contract/processes.ts'
export type { PurgeRecord } from './metadata/contract/purges.ts'
export type { HostDatabase, HostTransaction } from './metadata/host-database.ts'
export { kyselyMetadata } from './metadata/kysely-metadata.ts'
export type { MetadataAdapter } from './metadata/metadata.ts'
export { type MigrationSqlOptions, migrationSql } from './metadata/schema/migration-sql.ts'
// Where metadata is stored.
export type { KyselyMetadataOptions } from './metadata/source.ts'
export type { MetadataDurability } from './metadata/sqlite/settings.ts'
export { sqliteMetadata } from './metadata/sqlite/sqlite-metadata.ts'
export type {
  AccountEntry,
  AccountQuota,
  AccountUsage,
  BlobHolder,
  BlobLocation,
  BlobPage,
  BlobStat,
  BlobTakedown,
  BlobViewer,
  ImportProgress,
  MissingBlob,
  StoreStats,
  TakedownReversal,
} from './metadata/types.ts'
export type { BackendSet } from './store/backends.ts'
export type {
  AppliedWrites,
  ApplyWritesOptions,
  BlobReading,
  HiddenInSpace,
  ListBlobsOptions,
  ListMissingOptions,
  ListTakedownsOptions,
  PageOptions,
  PresignBlobOptions,
  PresignedBlob,
  QueryOptions,
  ReadOptions,
  RecordBlob,
  RecordsForOptions,
  RecordWrite,
  RepositoryOptions,
  ReversalOptions,
  StatOptions,
  TakedownOptions,
  UploadLimits,
  UploadOptions,
} from './store/calls.ts'
export type { DropSpaceReport } from './store/drop-space.ts'
export type {
  BlobStoreHooks,
  InaccessibleEvent,
  InspectionVerdict,
  QuarantinedEvent,
  UploadInspection,
} from './store/hooks.ts'
export type { BlobStoreLimits, BlobStoreTimes, QuotaOption, ResolvedLimits, ResolvedTimes } from './store/limits.ts'
export type { MirrorOptions } from './store/mirror/mirror.ts'
export type { BlobModeration } from './store/moderation.ts'
export type { PurgeOptions, PurgeReport, RemainingKey } from './store/purge.ts'
export type {
  AppendOptions,
  CreateResumableOptions,
  FinishResumableOptions,
  PutPartOptions,
  ResumableUpload,
  ResumableUploads,
} from './store/resumable/resumable-uploads.ts'
export type { BlobSource } from './store/upload/source.ts'
// Tracing.
export {
  type BackendMethod,
  type BackendTrace,
  type StoreOperation,
  type StoreTrace,
  type Traced,
  type TraceResult,
  traceChannels,
} from './tracing/channels.ts'
