import { type CompiledQuery, type DatabaseConnection, type Driver, PostgresDialect } from 'kysely'

/** What happens to a statement on its way to the server. */
export interface Steering {
  /** Waited for before it is sent. */
  before?(sql: string): Promise<void>
  /** What is sent in its place. */
  rewrite?(query: CompiledQuery): CompiledQuery
}

/** A PostgreSQL dialect whose statements can be held up and changed: how tests make two transactions meet. */
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

/** Stops at the n-th statement until it is let go, and counts them. */
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

/** Takes away the lock on the content that a deletion looks at. */
export function withoutContentLock(query: CompiledQuery): CompiledQuery {
  return { ...query, sql: query.sql.replace(/ for update$/, '') }
}

let others = 0

/** Takes away the account's lock: each statement that takes it gets a row to itself. */
export function withoutAccountLock(query: CompiledQuery): CompiledQuery {
  if (!query.sql.startsWith('insert into "blobstore_account"')) return query
  return { ...query, parameters: [`did:plc:other${++others}`, ...query.parameters.slice(1)] }
}
