import type { SqliteDatabase } from 'kysely'

/** More than the library has, except for lists, where each length is a statement of its own. */
const most = 256

/**
 * A connection that caches its prepared statements: Kysely prepares at each call, which takes longer than running most
 * of them. Not for streaming: one statement cannot be iterated twice at once.
 */
export class StatementCache implements SqliteDatabase {
  readonly #database: SqliteDatabase
  readonly #kept = new Map<string, ReturnType<SqliteDatabase['prepare']>>()

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  prepare(sql: string): ReturnType<SqliteDatabase['prepare']> {
    let statement = this.#kept.get(sql)
    if (statement) return statement
    statement = this.#database.prepare(sql)
    if (this.#kept.size >= most) this.#kept.delete(this.#kept.keys().next().value as string)
    this.#kept.set(sql, statement)
    return statement
  }

  close(): void {
    this.#database.close()
  }
}
