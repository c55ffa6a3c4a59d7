import { type Kysely, type RawBuilder, sql } from 'kysely'
import { BlobStoreError } from '../errors.ts'
import type { Tables } from './tables.ts'

/** What differs between the databases. */
export interface Dialect {
  name: 'sqlite' | 'postgres'
  /** The database's clock, in milliseconds since 1970. */
  now: RawBuilder<number>
}

const sqlite: Dialect = {
  name: 'sqlite',
  now: sql<number>`cast((julianday('now') - 2440587.5) * 86400000 as integer)`,
}

const postgres: Dialect = {
  name: 'postgres',
  now: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
}

/** Asks the database what it is: the host's Kysely may be of another copy of the package, or wrapped. */
export async function detectDialect(db: Kysely<Tables>): Promise<Dialect> {
  try {
    await sql`select sqlite_version()`.execute(db)
    return sqlite
  } catch (sqliteError) {
    const isPostgres = await sql`select pg_backend_pid()`.execute(db).then(
      () => true,
      () => false,
    )
    if (isPostgres) return postgres
    throw new BlobStoreError('MetadataFailed', 'Cannot query the database, or it is neither SQLite nor PostgreSQL', {
      cause: sqliteError,
    })
  }
}
