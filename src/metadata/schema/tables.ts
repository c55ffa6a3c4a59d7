import type { ColumnType } from 'kysely'

/**
 * The tables, alike in SQLite and PostgreSQL. Times are milliseconds since 1970 by the database's clock, sizes bytes.
 *
 *     blobstore_ref ──────────► blobstore_blob ──────────► blobstore_content        live bytes
 *     a record names a blob     an account has a blob      the one key of a CID     ▲
 *                                                                                   │ commit
 *     blobstore_expected        blobstore_upload           bytes on their way in ───┘
 *     a record names a blob     blobstore_doomed           bytes on their way out
 *     that is not held          blobstore_takedown, blobstore_account, blobstore_meta, blobstore_candidate,
 *                               blobstore_backend, blobstore_process, blobstore_purge
 *
 * Both arrows are foreign keys, ON DELETE RESTRICT: that no referenced bytes are forgotten is the database's promise,
 * not the collector's. A key is in at most one of upload, content and doomed, and moves only to the right:
 * upload → content → doomed.
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
  blobstore_candidate: CandidateTable
  blobstore_backend: BackendTable
  blobstore_process: ProcessTable
  blobstore_purge: PurgeTable
}

/** An upload in flight: the row before the bytes, and the reservation of space, in one. */
export interface UploadTable {
  /** The key; before the CID is known, its generation alone. */
  key: string
  backend: string
  /** Null for bytes that no account uploads: the store moves or repairs them. */
  did: string | null
  /** Null while the bytes are still being received: nothing is in the backend under a key yet. */
  cid: string | null
  reserved: number
  lease_until: number
}

/** The live bytes of a CID. Replacing them is one UPDATE of the key, and a tombstone for the old one. */
interface ContentTable {
  cid: string
  key: string
  backend: string
  size: number
  /** When the bytes were written or last found good; null when they were found damaged. */
  verified_at: number | null
}

/** A blob of an account. */
export interface BlobTable {
  did: string
  cid: string
  mime_type: string
  size: number
  created_at: number
  /** 1 once a record has referenced it: what was never referenced may go without a second look. */
  was_referenced: number
  /**
   * Null while a record references it. Else it is temporary, and collected once this is past; or records still wait for it,
   * which the next upload or collection lets reference it.
   */
  expires_at: number | null
}

/**
 * A record references a blob. The key begins with what is asked for: whether anything references the blob, whether in such a
 * scope, and whether since such a revision; each is one step, however many records name it.
 */
export interface RefTable {
  did: string
  cid: string
  scope: string
  rev: string
  record_uri: string
  /** What an imported record says the type is, where that is not how the blob has it; null for a record that was checked. */
  claimed_type: ColumnType<string | null, string | null | undefined>
  /** The same of its size. */
  claimed_size: ColumnType<number | null, number | null | undefined>
}

/** A record names a blob that is not held. Mime type and size as the record has them. */
interface ExpectedTable {
  did: string
  cid: string
  record_uri: string
  rev: string
  scope: string
  mime_type: string
  /** Null where the record has the legacy form, without a size. */
  size: number | null
}

/** A tombstone: the bytes are to be deleted, the key never comes back. */
interface DoomedTable {
  key: string
  /** Null where there are no bytes: the account is charged alike, whether others have the same or not. */
  backend: string | null
  /** Whose `pending` it counts as; null for what a sweep found. */
  did: string | null
  size: number
  not_before: number
  attempts: number
  last_error: string | null
}

/** Outlives the blob. */
interface TakedownTable {
  cid: string
  /** `*` for every account. */
  did: string
  ref: string | null
  created_at: number
  /** 1 where a purge took it down: then no bytes of it are stored for the account, hidden or not. */
  purged: ColumnType<number, number | undefined>
}

/** Every transaction that changes what an account has begins by writing its row: that is its lock. */
interface AccountTable {
  did: string
  bytes: number
  count: number
  /** How many of them have an `expires_at`. */
  temporary: ColumnType<number, number | undefined>
  reserved: number
  uploads: number
  pending: number
  deleted_at: number | null
  /** 1 while what a deleted account had is still being forgotten. */
  deleting: number
}

/** One row. `epoch` grows with every opening and sweep; the backend's marker remembers it. */
interface MetaTable {
  one: number
  id: string
  epoch: number
  /** 1 after the database was found older than its bytes, until it is recovered. */
  restored: number
  /** The times by which the store deletes, that were last given to a process, and more: rows/meta-notes.ts, as JSON. */
  times: ColumnType<string | null, string | null | undefined>
  /** When a copy of the database was last complete, as far as it was told. */
  backed_up_at: ColumnType<number | null, number | null | undefined>
}

/** Keys that a running sweep found in no row. */
interface CandidateTable {
  sweep: string
  key: string
}

/** A backend in which there may be bytes. No upload is announced for another: see rows/announce-upload.ts. */
interface BackendTable {
  name: string
}

/** A process that has the store open. */
interface ProcessTable {
  id: string
  /** The names of those that it was given, as a JSON array. */
  backends: string
  writes_to: string
  seen_until: number
  /** The times by which the store deletes, that it was given: `SharedTimes` as JSON. */
  times: ColumnType<string | null, string | null | undefined>
}

/** A purge, as it is kept: see `PurgeRecord`. */
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
  /** 1 where the bytes stay, since others have them. */
  shared: number
  /** When a copy of the database was last complete before, as far as the store was told. */
  backed_up_at: number | null
}
