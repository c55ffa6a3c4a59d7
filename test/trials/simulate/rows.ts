import type Database from 'better-sqlite3'

export type Row = Record<string, string>

const statements = new WeakMap<Database.Database, Map<string, Database.Statement>>()

/** The result of a query, without the store and the scheduler. */
export function rowsOf(database: Database.Database, sql: string, ...values: unknown[]): Row[] {
  const known = statements.get(database) ?? new Map<string, Database.Statement>()
  statements.set(database, known)
  const statement = known.get(sql) ?? database.prepare(sql)
  known.set(sql, statement)
  return statement.all(...values) as Row[]
}
