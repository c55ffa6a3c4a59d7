import type Database from 'better-sqlite3'
import type { World } from './world.ts'

/** What a driver throws when the database fails. */
export class SqlFault extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Whether the host's own statement failed: also when Kysely rolls back what the database has rolled back already. */
export function isSqlFault(error: unknown): error is Error {
  return error instanceof SqlFault || (error instanceof Error && error.message.startsWith('cannot rollback'))
}

/** Makes statements fail, as SQLite and lost connections do. */
export class SqlFaults {
  count = 0
  readonly #world: World
  readonly #database: Database.Database
  rate: number

  constructor(world: World, database: Database.Database, rate: number) {
    this.#world = world
    this.#database = database
    this.rate = rate
  }

  onEnter(): void {
    if (this.#happens(2)) throw new SqlFault('SQLITE_BUSY', 'database is locked')
  }

  onStatement<T>(sql: string, run: () => T): T {
    if (sql === 'commit' && this.#happens(2)) {
      run()
      throw new SqlFault('08006', 'the connection was lost after the commit')
    }
    if (sql !== 'rollback' && this.#happens(0.3)) {
      // SQLite ends the transaction by itself.
      if (this.#database.inTransaction) this.#database.exec('rollback')
      throw new SqlFault('SQLITE_IOERR', 'disk I/O error')
    }
    return run()
  }

  #happens(weight: number): boolean {
    const happens = this.#world.chance(this.rate * weight)
    if (happens) this.count += 1
    return happens
  }
}
