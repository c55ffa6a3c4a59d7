import {
  type CompiledQuery,
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresDialect,
  SqliteDialect,
} from 'kysely'
import type { Dialect } from '../dialect.ts'
import { migrateAfter } from './migrations.ts'
import type { Tables } from './tables.ts'

/** The statements that the migrations after this one, or all, send to a database, one for each line. */
export async function recordMigrations(dialect: Dialect['name'], after: string | undefined): Promise<string> {
  const lines: string[] = []
  const recording =
    dialect === 'sqlite'
      ? new SqliteDialect({ database: async () => Promise.reject() })
      : new PostgresDialect({ pool: async () => Promise.reject() })
  recording.createDriver = () => new RecordingDriver((query) => lines.push(`${query.sql};\n`))
  await migrateAfter(new Kysely<Tables>({ dialect: recording }), dialect, after)
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
