import { type CompiledQuery, type DatabaseConnection, type Driver, PostgresDialect } from 'kysely'

/** What happens to a statement before it is sent. */
export interface Steering {
  /** Waited for before it is sent. */
  before?(sql: string): Promise<void>
  /** Sent instead of it. */
  rewrite?(query: CompiledQuery): CompiledQuery
}

/** A PostgreSQL dialect whose statements can be delayed and changed, so that tests can interleave two transactions. */
export function steeredDialect(steering: Steering): typeof PostgresDialect {
  return class extends PostgresDialect {
    override createDriver(): Driver {
      const driver = super.createDriver()
      const acquire = driver.acquireConnection.bind(driver)
      const steered = new WeakSet<DatabaseConnection>()
      driver.acquireConnection = async (options) => {
        const connection = await acquire(options)
        if (steered.has(connection)) return connection
        steered.add(connection)
        const execute = connection.executeQuery.bind(connection)
        connection.executeQuery = async <R>(query: CompiledQuery, more?: object) => {
          await steering.before?.(query.sql)
          return execute<R>(steering.rewrite?.(query) ?? query, more)
        }
        return connection
      }
      return driver
    }
  }
}

/** Stops at the n-th statement until it is released, and counts them. */
export class Stop {
  readonly statements: string[] = []
  readonly #at: number
  readonly #reached = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()
  readonly reached: Promise<void> = this.#reached.promise

  constructor(at = 0) {
    this.#at = at
  }

  async pass(sql: string): Promise<void> {
    this.statements.push(sql)
    if (this.statements.length !== this.#at) return
    this.#reached.resolve()
    await this.#opened.promise
  }

  letGo(): void {
    this.#opened.resolve()
  }
}

/** Removes the lock on the content that a deletion examines. */
export function withoutContentLock(query: CompiledQuery): CompiledQuery {
  return { ...query, sql: query.sql.replace(/ for update$/, '') }
}

let others = 0

/** Removes the account's lock: each statement that takes it gets a separate row. */
export function withoutAccountLock(query: CompiledQuery): CompiledQuery {
  if (!query.sql.startsWith('insert into "blobstore_account"')) return query
  return { ...query, parameters: [`did:plc:other${++others}`, ...query.parameters.slice(1)] }
}
