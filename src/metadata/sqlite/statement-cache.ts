import type { Database, Statement } from 'better-sqlite3'

/** More than the library has, except for lists, where each length is a statement of its own. */
const most = 256

/** Caches the prepared statements of a connection: preparing one takes longer than running most of them. */
export class StatementCache {
  readonly #database: Database
  readonly #kept = new Map<string, Statement<unknown[], unknown>>()

  constructor(database: Database) {
    this.#database = database
  }

  get(sql: string): Statement<unknown[], unknown> {
    let statement = this.#kept.get(sql)
    if (statement) return statement
    statement = this.#database.prepare(sql)
    if (this.#kept.size >= most) this.#kept.delete(this.#kept.keys().next().value as string)
    this.#kept.set(sql, statement)
    return statement
  }
}
