import { CompiledQuery, type DatabaseConnection, SqliteDialect, SqliteDriver } from 'kysely'

type Config = ConstructorParameters<typeof SqliteDialect>[0]

/** Transactions take the write lock when they begin: one begun deferred fails at its first write, and waiting cannot help. */
export class ImmediateDialect extends SqliteDialect {
  readonly #config: Config

  constructor(config: Config) {
    super(config)
    this.#config = config
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config)
  }
}

class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}
