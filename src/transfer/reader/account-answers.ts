import { decode } from '@ipld/dag-cbor'
import type { Database } from 'better-sqlite3'
import { findBlobRefs } from '../../blob/find-blob-refs.ts'
import type { AccountTables, BlobRow, Claim, NamingRow, Page } from './questions.ts'
import { pageOf, quoted, Schema, strangersIn, type Table, textOf } from './tables.ts'

const blobColumns = ['cid', 'mimeType', 'size', 'tempKey', 'createdAt', 'takedownRef']
const recordColumns = ['uri', 'cid', 'repoRev']

/** A table by which records reference blobs, public or not. */
interface NamingTable {
  table: Table
  cid: string
  uri: string
}

/** The database of one account of a reference PDS. Only what concerns blobs is read. */
export class AccountAnswers {
  readonly #database: Database
  readonly #blob: Table
  readonly #public: NamingTable
  readonly #spaces: NamingTable[] = []
  readonly #records: boolean
  readonly tables: AccountTables

  /** @throws if it is not such a database */
  constructor(database: Database) {
    this.#database = database
    const schema = new Schema(database)
    this.#blob = schema.table('blob', blobColumns)
    this.#public = { table: schema.table('record_blob', ['blobCid', 'recordUri']), cid: 'blobCid', uri: 'recordUri' }
    const unreadable: string[] = []
    for (const name of schema.names) {
      if (name.toLowerCase() === 'record_blob') continue
      const naming = namingTable(schema, name)
      if (naming) this.#spaces.push(naming)
      else if (naming === null) unreadable.push(name)
    }
    this.#records = schema.tableIfAny('record', recordColumns) !== null
    const absent = this.#records ? [] : ['record']
    if (!schema.tableIfAny('repo_root', ['rev'])) absent.push('repo_root')
    this.tables = { spaces: this.#spaces.map(({ table }) => table.name), unreadable, absent }
  }

  countBlobs(): number {
    return this.#database.prepare('SELECT count(*) FROM blob').pluck().get() as number
  }

  blobs({ takenDown, after }: { takenDown: boolean; after: string | null }): Page<BlobRow> {
    const where = `t.takedownRef IS ${takenDown ? 'NOT ' : ''}NULL`
    const { rows, next } = pageOf<RawBlob>(this.#database, this.#blob, { select: this.#blobSelect, where }, after)
    return { rows: rows.map(blobRow), next }
  }

  blob({ cid }: { cid: string }): BlobRow | null {
    const sql = `SELECT '' AS at, ${this.#blobSelect} FROM blob AS t WHERE t.cid = ?`
    const row = this.#database.prepare(sql).get(cid) as RawBlob | undefined
    return row ? blobRow(row) : null
  }

  strangers({ column, names }: { column: 'cid' | 'tempKey'; names: string[] }): string[] {
    return strangersIn(this.#database, 'blob', column, names)
  }

  namings({ table, after }: { table: string; after: string | null }): Page<NamingRow> {
    return this.#namings(table, after, '1')
  }

  unmet({ table, after }: { table: string; after: string | null }): Page<NamingRow> {
    const { cid } = this.#naming(table)
    return this.#namings(table, after, `NOT ${isAmong(`t.${quoted(cid)}`, 'blob', 'cid')}`)
  }

  /** The latest revision of the repository. */
  rev(): string | null {
    if (this.tables.absent.includes('repo_root')) return null
    const sql = `SELECT ${textOf('rev', 64)} FROM repo_root`
    return (this.#database.prepare(sql).pluck().get() as string | null | undefined) ?? null
  }

  /** What a record claims about a blob; null if it does not reference it, does not exist, or cannot be read. */
  claim({ uri, cid }: { uri: string; cid: string }): Claim | null {
    try {
      const sql = `SELECT content FROM record JOIN repo_block ON repo_block.cid = record.cid
        WHERE uri = ? AND typeof(content) = 'blob' AND octet_length(content) <= ${longestRecord}`
      const content = this.#database.prepare(sql).pluck().get(uri) as Uint8Array | undefined
      if (content === undefined) return null
      const found = findBlobRefs(decode(content), { broken: 'skip' }).find((ref) => ref.cid === cid)
      return found ? { mimeType: found.mimeType, size: found.size ?? null } : null
    } catch {
      return null
    }
  }

  get #blobSelect(): string {
    const named = ({ table, cid }: NamingTable) => isAmong('t.cid', table.name, cid)
    return `${textOf('t.cid', 256)} AS cid, ${textOf('t.mimeType', 1024)} AS mimeType,
      CASE WHEN typeof(t.size) = 'integer' THEN t.size END AS size,
      ${textOf('t.tempKey', 512)} AS tempKey, ${textOf('t.createdAt', 64)} AS createdAt,
      ${textOf('t.takedownRef', 2000)} AS takedownRef,
      t.tempKey IS NOT NULL AS isTemporary, t.takedownRef IS NOT NULL AS isTakenDown,
      ${named(this.#public)} AS isPublic, (${this.#spaces.map(named).join(' OR ') || '0'}) AS isInSpace`
  }

  #namings(name: string, after: string | null, where: string): Page<NamingRow> {
    const { table, cid, uri } = this.#naming(name)
    const rev = `(SELECT ${textOf('record.repoRev', 64)} FROM record WHERE record.uri = t.${quoted(uri)})`
    const select = `${textOf(`t.${quoted(cid)}`, 256)} AS cid, ${textOf(`t.${quoted(uri)}`, 4096)} AS uri,
      ${this.#records ? rev : 'NULL'} AS rev`
    return pageOf<NamingRow>(this.#database, table, { select, where }, after)
  }

  #naming(name: string): NamingTable {
    const found = [this.#public, ...this.#spaces].find(({ table }) => table.name === name)
    if (!found) throw new Error(`it has no table ${name}`)
    return found
  }
}

/**
 * Not EXISTS: if the other table has no index on the column, SQLite builds one for the page, instead of scanning for
 * each row.
 */
function isAmong(value: string, table: string, column: string): string {
  return `ifnull(${value} IN (SELECT ${quoted(column)} FROM ${quoted(table)}), 0)`
}

/** The PDS accepts no larger ones: a record has at most 1 MiB. */
const longestRecord = 4 * 1024 * 1024

/** Undefined for an unrelated table; null for one that seems to reference blobs, and cannot be read. */
function namingTable(schema: Schema, name: string): NamingTable | null | undefined {
  const columns = schema.columnsOf(name)
  const cid = columns.find((column) => /^blob_?cid$/i.test(column))
  const uri = columns.find((column) => /^record_?uri$/i.test(column))
  const isAlike = /record_?blob/i.test(name)
  if (cid === undefined || uri === undefined) return isAlike ? null : undefined
  const table = schema.tableIfAny(name, [cid, uri])
  return table && { table, cid, uri }
}

type Flags = 'isTemporary' | 'isTakenDown' | 'isPublic' | 'isInSpace'
type RawBlob = Omit<BlobRow, Flags> & Record<Flags, number>

function blobRow(raw: RawBlob): BlobRow {
  return {
    ...raw,
    isTemporary: raw.isTemporary === 1,
    isTakenDown: raw.isTakenDown === 1,
    isPublic: raw.isPublic === 1,
    isInSpace: raw.isInSpace === 1,
  }
}
