import {
  type CompiledQuery,
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresDialect,
  SqliteDialect,
} from 'kysely'
import { BlobStoreError } from '../errors.ts'
import { migrateEmpty } from './migrations.ts'
import type { Tables } from './tables.ts'

/**
 * The SQL that makes the tables in a database without them, for hosts whose role may not: let one that may run it in
 * the schema that the store will use, and open the store with `migrate: 'check'`.
 *
 * @example
 * ```ts
 * import { migrationSql } from 'pds-blobstore'
 *
 * console.log(await migrationSql('postgres'))
 * ```
 *
 * @throws `InvalidArgument`
 */
export async function migrationSql(dialect: 'sqlite' | 'postgres'): Promise<string> {
  if (dialect !== 'sqlite' && dialect !== 'postgres') {
    throw new BlobStoreError('InvalidArgument', "migrationSql(dialect): dialect must be 'sqlite' or 'postgres'")
  }
  const lines: string[] = []
  const recording =
    dialect === 'sqlite'
      ? new SqliteDialect({ database: async () => Promise.reject() })
      : new PostgresDialect({ pool: async () => Promise.reject() })
  recording.createDriver = () => new RecordingDriver((query) => lines.push(`${query.sql};\n`))
  await migrateEmpty(new Kysely<Tables>({ dialect: recording }), dialect)
  return `begin;\n${lines.join('')}commit;\n`
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
