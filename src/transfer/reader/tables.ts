import type { Database } from 'better-sqlite3'
import { type Page, pageSize } from './questions.ts'

/** A table that rows can be read from. */
export interface Table {
  name: string
  columns: readonly string[]
  /** The column that numbers its rows, by which they are paged; null if there is none. */
  rowid: string | null
}

interface Listed {
  name: string
  type: 'table' | 'view' | 'shadow' | 'virtual'
  wr: number
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** What the database has under these names, of any type: only plain tables can be read. */
export class Schema {
  readonly #database: Database
  readonly #listed: readonly Listed[]

  constructor(database: Database) {
    this.#database = database
    const all = database.prepare(`SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'`).all()
    this.#listed = all as Listed[]
  }

  get names(): string[] {
    return this.#listed.map(({ name }) => name)
  }

  columnsOf(name: string): string[] {
    return this.#database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(name) as string[]
  }

  /** @throws if it is not a table, or lacks a column */
  table(name: string, columns: readonly string[]): Table {
    const listed = this.#listed.find((one) => one.name.toLowerCase() === name.toLowerCase())
    if (!listed) throw new Error(`it has no table ${name}`)
    if (listed.type !== 'table') throw new Error(`${name} is a ${listed.type}, not a table`)
    const found = this.columnsOf(name)
    const lower = new Set(found.map((column) => column.toLowerCase()))
    const lacking = columns.filter((column) => !lower.has(column.toLowerCase()))
    if (lacking.length > 0) throw new Error(`the table ${name} has no column ${lacking.join(', ')}`)
    const rowid = ['rowid', '_rowid_', 'oid'].find((one) => !lower.has(one)) ?? null
    return { name, columns: found, rowid: listed.wr ? null : rowid }
  }

  /** As `table`, or null. */
  tableIfAny(name: string, columns: readonly string[]): Table | null {
    try {
      return this.table(name, columns)
    } catch {
      return null
    }
  }
}

/** SQL for a text value of valid length, otherwise null: then it is not even read into memory. */
export function textOf(column: string, most: number): string {
  return `CASE WHEN typeof(${column}) = 'text' AND octet_length(${column}) <= ${most} THEN ${column} END`
}

/**
 * A page of a table `t`, by row numbers. Never by a text value: one that is not valid UTF-8 changes on the way. Rows
 * without numbers are counted.
 */
export function pageOf<Row extends { at: string }>(
  database: Database,
  table: Table,
  { select, where = '1' }: { select: string; where?: string },
  after: string | null,
): Page<Row> {
  const from = `FROM ${quoted(table.name)} AS t WHERE (${where})`
  if (table.rowid === null) {
    const skip = Number(after ?? 0)
    const sql = `SELECT ${select} ${from} LIMIT ${pageSize} OFFSET ?`
    const found = database.prepare(sql).all(skip) as Omit<Row, 'at'>[]
    const rows = found.map((row, index) => ({ ...row, at: String(skip + index + 1) }) as Row)
    return { rows, next: rows.length < pageSize ? null : String(skip + rows.length) }
  }
  const at = `t.${table.rowid}`
  const later = after === null ? '' : `AND ${at} > ?`
  const sql = `SELECT CAST(${at} AS text) AS at, ${select} ${from} ${later} ORDER BY ${at} LIMIT ${pageSize}`
  const rows = database.prepare(sql).all(...(after === null ? [] : [BigInt(after)])) as Row[]
  return { rows, next: rows.length < pageSize ? null : (rows.at(-1)?.at ?? null) }
}

/** Which of the names no row has in this column. */
export function strangersIn(database: Database, table: string, column: string, names: readonly string[]): string[] {
  const known = database.prepare(`SELECT 1 FROM ${quoted(table)} WHERE ${quoted(column)} = ?`)
  return names.slice(0, pageSize).filter((name) => known.get(name) === undefined)
}
