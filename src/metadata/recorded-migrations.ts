import {
  type CompiledQuery,
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresDialect,
  SqliteDialect,
} from 'kysely'
import type { Dialect } from './dialect.ts'
import { migrateEmpty } from './migrations.ts'
import type { Tables } from './tables.ts'

/** What all migrations say to an empty database, one statement a line. */
export async function recordMigrations(dialect: Dialect['name']): Promise<string> {
  const lines: string[] = []
  const recording =
    dialect === 'sqlite'
      ? new SqliteDialect({ database: async () => Promise.reject() })
      : new PostgresDialect({ pool: async () => Promise.reject() })
  recording.createDriver = () => new RecordingDriver((query) => lines.push(`${query.sql};\n`))
  await migrateEmpty(new Kysely<Tables>({ dialect: recording }), dialect)
  return lines.join('')
}

/** Executes nothing. */
class RecordingDriver extends DummyDriver {
  readonly #record: (query: CompiledQuery) => void

  constructor(record: (query: CompiledQuery) => void) {
    super()
    this.#record = record
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection()
    connection.executeQuery = async (query) => {
      this.#record(query)
      return { rows: [] }
    }
    return connection
  }
}
