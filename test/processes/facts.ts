import { join } from 'node:path'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { kyselyMetadata, type MetadataAdapter, sqliteMetadata } from '../../src/index.ts'
import { postgresUrl } from '../support/postgres.ts'

/** Where the processes of a test keep their metadata: a schema of PostgreSQL, or an SQLite file if it is ''. */
export function factsIn(folder: string, schema: string): MetadataAdapter {
  if (schema === '') return sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed' })
  const options = { connectionString: postgresUrl(), options: `-c search_path=${schema}` }
  const pool = new pg.Pool({ ...options, max: 4, allowExitOnIdle: true })
  return kyselyMetadata(new Kysely<never>({ dialect: new PostgresDialect({ pool }) }), { durability: 'relaxed' })
}
