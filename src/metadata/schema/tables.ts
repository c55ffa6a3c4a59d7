import type { ColumnType } from 'kysely'
import type { PartTable, ResumableTable } from './resumable-tables.ts'

/**
 * The tables, the same in SQLite and PostgreSQL. Times are milliseconds since 1970 by the database's clock, sizes
 * bytes.
 *
 *     blobstore_ref ──────────► blobstore_blob ──────────► blobstore_content        live bytes
 *     a record names a blob     an account has a blob      the one key of a CID     ▲
 *                                                                                   │ commit
 *     blobstore_expected        blobstore_upload           bytes being received ────┘
 *     a record names a blob     blobstore_doomed           bytes to be deleted
 *     that is not held          blobstore_takedown, blobstore_account, blobstore_meta, blobstore_orphan,
 *                               blobstore_backend, blobstore_process, blobstore_purge_record
 *                               blobstore_mirrored           copies of live bytes, in another place
 *     blobstore_part ───────► blobstore_resumable          an upload that outlives its connection
 *
 * Both arrows are foreign keys, ON DELETE RESTRICT: the database guarantees that no referenced bytes are forgotten, not
 * the collector. A key is in at most one of upload, content and doomed, and moves only to the right: upload → content →
 * doomed.
 */
export interface Tables {
  blobstore_upload: UploadTable
  blobstore_content: ContentTable
  blobstore_blob: BlobTable
  blobstore_ref: RefTable
  blobstore_expected: ExpectedTable
  blobstore_doomed: DoomedTable
  blobstore_takedown: TakedownTable
  blobstore_account: AccountTable
  blobstore_meta: MetaTable
  blobstore_orphan: OrphanTable
  blobstore_backend: BackendTable
  blobstore_process: ProcessTable
  blobstore_purge_record: PurgeTable
  blobstore_resumable: ResumableTable
  blobstore_part: PartTable
  blobstore_mirrored: MirroredTable
}

/**
 * A running upload: the row before the bytes, and the reservation of space, in one. An upload whose bytes are in memory has
 * none: its process's entry knows them.
 */
export interface UploadTable {
  /** The key; before the CID is known, only its generation. */
  key: string
  backend: string
  /** Null for bytes that no account uploads: the store moves or repairs them. */
  did: string | null
  /** Null while the bytes are still being received: the backend has nothing under a key yet. */
  cid: string | null
  /** What counts as the account's. Of a part of a resumable upload, which has none here, its size; of a copy 0. */
  reserved: number
  lease_until: number
}

/** The live bytes of a CID. Replacing them is one UPDATE of the key, and a tombstone for the old one. */
interface ContentTable {
  cid: string
  key: string
  backend: string
  size: number
  /** When the bytes were written or last verified; null when they were found damaged. */
  verified_at: number | null
  /** Since when it waits to be copied to the mirror; null if it need not be: it is copied, or there was no mirror. */
  unmirrored_since: ColumnType<number | null, number | null | undefined>
}

/** A blob of an account. */
export interface BlobTable {
  did: string
  cid: string
  mime_type: string
  size: number
  created_at: number
  /** 1 once a record has referenced it: blobs that were never referenced may be deleted without the deletion limit. */
  was_referenced: number
  /**
   * Null while a record references it. Otherwise it is temporary and collected after this time; or records still wait
   * for it, and the next upload or collection lets them reference it.
   */
  expires_at: number | null
}

/**
 * A record references a blob. The key begins with the columns that queries filter by: whether anything references the
 * blob, whether in a scope, and whether since a revision. Each is one index search, however many records reference it.
 */
export interface RefTable {
  did: string
  cid: string
  /** `public`, or the URI of the space that the record is in. */
  scope: string
  rev: string
  record_uri: string
  /** The type that an imported record claims, if it differs from the blob's; null for a record that was checked. */
  claimed_type: ColumnType<string | null, string | null | undefined>
  /** The same for its size. */
  claimed_size: ColumnType<number | null, number | null | undefined>
}

/** A record references a blob that is not held. MIME type and size are as in the record. */
interface ExpectedTable {
  did: string
  cid: string
  record_uri: string
  rev: string
  scope: string
  mime_type: string
  /** Null if the record has the legacy form, without a size. */
  size: number | null
}

/** A tombstone: the bytes are to be deleted, and the key is never used again. */
export interface DoomedTable {
  key: string
  /** Null if there are no bytes: the account is charged the same, whether others have the same bytes or not. */
  backend: string | null
  /** The account whose `pending` bytes include it; null for what a sweep found. */
  did: string | null
  size: number
  not_before: number
  attempts: number
  last_error: string | null
}

/** Outlives the blob. */
export interface TakedownTable {
  cid: string
  /** `*` for every account. */
  did: string
  ref: string | null
  created_at: number
  /** 1 if a purge took it down: then no bytes of it are stored for the account, hidden or not. */
  purged: ColumnType<number, number | undefined>
  requested_by: ColumnType<string | null, string | null | undefined>
  /** 1 while it waits for a moderator's decision: see queries/quarantine-rows.ts. Then the account has the blob. */
  quarantined: ColumnType<number, number | undefined>
}

/** Every transaction that changes what an account has begins by writing this row: it is the account's lock. */
interface AccountTable {
  did: string
  bytes: number
  count: number
  /** How many of its blobs have an `expires_at`. */
  temporary: ColumnType<number, number | undefined>
  reserved: number
  uploads: number
  pending: number
  deleted_at: number | null
  /** 1 until all blobs of a deleted account are forgotten. */
  deleting: number
}

/** One row. `epoch` grows with every opening and sweep; the backend's marker repeats it. */
interface MetaTable {
  one: number
  id: string
  epoch: number
  /** 1 after the database was found to be older than its bytes, until it is recovered. */
  restored: number
  /** The deletion times that a process was last given, and more: queries/meta-notes.ts, as JSON. */
  times: ColumnType<string | null, string | null | undefined>
  /** When a copy of the database was last complete, as far as the store knows. */
  backed_up_at: ColumnType<number | null, number | null | undefined>
  /** The id of the mirror that `blobstore_mirrored` is about; null before the first. */
  mirror: ColumnType<string | null, string | null | undefined>
}

/** Keys that a running sweep found in no row. */
interface OrphanTable {
  sweep: string
  key: string
}

/** A backend that may have bytes. Uploads are announced for no other: see queries/announce-upload.ts. */
interface BackendTable {
  name: string
}

/** A process that has the store open: its entry. It is closed by deleting the row. */
interface ProcessTable {
  id: string
  /** Part of the keys of its small uploads. Null for a process of an older version. */
  number: ColumnType<number | null, number | null | undefined>
  /** The names of the backends that it was given, as a JSON array. */
  backends: string
  writes_to: string
  seen_until: number
  /** The deletion times that it was given: `SharedTimes` as JSON. */
  times: ColumnType<string | null, string | null | undefined>
}

/** The record of a purge: see `PurgeRecord`. */
export interface PurgeTable {
  id: string
  /** `*` for every account. */
  did: string
  cid: string
  purged_at: number
  reason: string | null
  requested_by: string | null
  /** 1 while accounts have the blob, or keys of it remain. */
  unfinished: number
  key_count: number
  gone_at: number | null
  /** 1 if the bytes stay because others have them. */
  shared: number
  /** When a copy of the database was last complete before the purge, as far as the store knows. */
  backed_up_at: number | null
}

/**
 * Bytes in the mirror. A copy on its way there has a row in `upload`; when it is no longer needed, a tombstone. No
 * foreign key: it outlives the content, for the mirror's delay.
 */
interface MirroredTable {
  cid: string
  key: string
  size: number
  /** When the copy was made or last verified; null for bytes that a sweep found, and that nobody has read. */
  verified_at: number | null
  /** Since when no content has this CID, as far as it was looked for; null while it is needed. */
  unneeded_since: number | null
}
