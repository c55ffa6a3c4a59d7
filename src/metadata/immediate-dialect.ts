import { CompiledQuery, type DatabaseConnection, SqliteDialect, type SqliteDialectConfig, SqliteDriver } from 'kysely'
import type { Checkpoints } from './checkpoints.ts'

interface Config extends SqliteDialectConfig {
  checkpoints: Checkpoints
}

/** How a connection of our own runs transactions. */
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
  readonly #checkpoints: Checkpoints

  constructor(config: Config) {
    super(config)
    this.#checkpoints = config.checkpoints
  }

  /** Takes the write lock when it begins: one begun deferred fails at its first write, and waiting cannot help. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#checkpoints.beforeTransaction()
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await super.commitTransaction(connection)
    this.#checkpoints.committed()
  }
}
