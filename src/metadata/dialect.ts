import { type Kysely, type RawBuilder, sql } from 'kysely'
import { BlobStoreError } from '../errors.ts'
import { isError } from '../shapes.ts'
import type { Tables } from './schema/tables.ts'

/** What differs between the databases. */
export interface Dialect {
  name: 'sqlite' | 'postgres'
  /** The database's clock, in milliseconds since 1970. */
  now: RawBuilder<number>
  /** Returns one row if a query on this connection would find a table of that name, otherwise none. */
  findTable(name: string): RawBuilder<unknown>
}

const sqlite: Dialect = {
  name: 'sqlite',
  now: sql<number>`cast((julianday('now') - 2440587.5) * 86400000 as integer)`,
  findTable: (name) => sql`select 1 from sqlite_schema where type = 'table' and name = ${name}`,
}

const postgres: Dialect = {
  name: 'postgres',
  // The statement's time, which allows an index search; clock_timestamp() changes within a statement, and does not.
  now: sql<number>`cast(extract(epoch from statement_timestamp()) * 1000 as bigint)`,
  // Not to_regclass, which may have cached that the table is missing when another transaction has just created it.
  findTable: (name) => sql`select 1 from pg_class where relname = ${name} and pg_table_is_visible(oid)`,
}

/**
 * Asks the database itself, because the host's Kysely may be another copy of the package, or wrapped. PostgreSQL first:
 * it would log a question that it does not understand.
 */
export async function detectDialect(db: Kysely<Tables>): Promise<Dialect> {
  if (await understands(db, sql`select pg_backend_pid()`)) return postgres
  if (await understands(db, sql`select sqlite_version()`)) return sqlite
  throw new BlobStoreError('MetadataFailed', 'The database is neither SQLite nor PostgreSQL')
}

/** @throws the error of a database that cannot be queried, or that knows the function and fails in it */
async function understands(db: Kysely<Tables>, question: RawBuilder<unknown>): Promise<boolean> {
  try {
    await question.execute(db)
    return true
  } catch (error) {
    if (isError(error) && /no such function|does not exist|unknown function/i.test(error.message)) return false
    throw error
  }
}
