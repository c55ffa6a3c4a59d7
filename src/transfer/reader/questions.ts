// The questions of an import to the process that reads other programs' SQLite files, and the answers. Plain JSON both
// ways; every answer is bounded, whatever is in the file.

/** The most rows of an answer. */
export const pageSize = 500

/** What the database of an account has, besides the rows. */
export interface AccountTables {
  /**
   * Tables by which records that not everybody may see reference blobs: those of spaces, and all others except
   * `record_blob`.
   */
  spaces: string[]
  /** Tables whose rows cannot be read: they lack columns, or are views. */
  unreadable: string[]
  /** Missing tables of records, without which revisions are unknown. */
  absent: string[]
}

/** A row of the table `blob`. Null is what is missing, is of another type, or is longer than any valid value. */
export interface BlobRow {
  /** Its place in the table, for reports. */
  at: string
  cid: string | null
  mimeType: string | null
  size: number | null
  tempKey: string | null
  createdAt: string | null
  takedownRef: string | null
  /** Whether `tempKey` and `takedownRef` are set, even to invalid values. */
  isTemporary: boolean
  isTakenDown: boolean
  /** Whether a row of `record_blob` references it, and whether one of another such table does. */
  isPublic: boolean
  isInSpace: boolean
}

/** A record references a blob. */
export interface NamingRow {
  at: string
  cid: string | null
  uri: string | null
  /** The revision in which the record was written; null if unknown. */
  rev: string | null
}

/** A row of `blob_metadata` of Aurora Locus. */
export interface AuroraRow {
  at: string
  name: string | null
  mimeType: string | null
  did: string | null
  createdAt: string | null
}

export interface Page<Row> {
  rows: Row[]
  /** Where the next page begins; a whole number as text, above that of the previous page. Null after the last. */
  next: string | null
}

/** What a record claims about a blob. */
export interface Claim {
  mimeType: string
  size: number | null
}

/** Each question with its answer. `after` is the `next` of the previous page, null at first. */
export interface Questions {
  tables: { asked: object; answer: AccountTables }
  countBlobs: { asked: object; answer: number }
  blobs: { asked: { takenDown: boolean; after: string | null }; answer: Page<BlobRow> }
  blob: { asked: { cid: string }; answer: BlobRow | null }
  /** Which of these no row of `blob` has, as its CID or as its temporary key. At most a page of them. */
  strangers: { asked: { column: 'cid' | 'tempKey'; names: string[] }; answer: string[] }
  namings: { asked: { table: string; after: string | null }; answer: Page<NamingRow> }
  /** Those of them that reference a blob of which the table `blob` has no row. */
  unmet: { asked: { table: string; after: string | null }; answer: Page<NamingRow> }
  rev: { asked: object; answer: string | null }
  claim: { asked: { uri: string; cid: string }; answer: Claim | null }
  countAurora: { asked: object; answer: number }
  aurora: { asked: { after: string | null }; answer: Page<AuroraRow> }
  auroraStrangers: { asked: { names: string[] }; answer: string[] }
}

export type Kind = keyof Questions
export type Asked<K extends Kind> = Questions[K]['asked']
export type Answer<K extends Kind> = Questions[K]['answer']

/** To the process. */
export type Call = { [K in Kind]: { id: number; file: string; kind: K; asked: Asked<K> } }[Kind]

/** From it: `ready` or `unusable` once after its start, and one of the others for each call. */
export type Reply =
  | { kind: 'ready' }
  | { kind: 'unusable'; reason: string }
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'failure'; id: number; reason: string }
