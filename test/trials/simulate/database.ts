import type Database from 'better-sqlite3'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'

/** What happens around the work on a connection. */
export interface Passage {
  /** Before a caller gets the connection: may throw. */
  enter(): Promise<void>
  /** Runs a statement, or does not. */
  statement<T>(query: CompiledQuery, run: () => T): T
  /** After a caller released the connection. */
  leave(): Promise<void>
}

/**
 * A process's access to the database that all processes share. A caller works to its end before another begins, as
 * SQLite allows only one writer; so one connection is enough. Statements are cached, because preparing them takes
 * longer than running them.
 */
export function openDatabase(database: Database.Database, passage: Passage): Kysely<never> {
  return new Kysely<never>({
    dialect: {
      createAdapter: () => new SharedAdapter(),
      createDriver: () => new SharedDriver(database, passage),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
}

class SharedAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

const prepared = new WeakMap<Database.Database, Map<string, Database.Statement>>()

class SharedDriver implements Driver {
  readonly #database: Database.Database
  readonly #passage: Passage

  constructor(database: Database.Database, passage: Passage) {
    this.#database = database
    this.#passage = passage
  }

  async init(): Promise<void> {}
  async destroy(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#passage.enter()
    if (this.#database.inTransaction) throw new Error('Another caller has not finished')
    return {
      executeQuery: (query) => this.#execute(query),
      streamQuery: () => {
        throw new Error('not used')
      },
    }
  }

  async releaseConnection(): Promise<void> {
    await this.#passage.leave()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#passage.statement(query, () => this.#run<R>(query))
  }

  #run<R>({ sql, parameters }: CompiledQuery): QueryResult<R> {
    const statement = this.#prepare(sql)
    if (statement.reader) return { rows: statement.all(parameters) as R[] }
    return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) }
  }

  #prepare(sql: string): Database.Statement {
    const statements = prepared.get(this.#database) ?? new Map<string, Database.Statement>()
    prepared.set(this.#database, statements)
    const statement = statements.get(sql) ?? this.#database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
}
