import { stat } from 'node:fs/promises'
import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from '../schema/tables.ts'

/**
 * Distinguishes a database from its copies: an SQLite file by its inode, a PostgreSQL database by the cluster and its
 * number there. Null if nothing does: in memory, or where PostgreSQL does not reveal it.
 */
export async function placeOf(db: Kysely<Tables>, dialect: Dialect): Promise<string | null> {
  return dialect.name === 'sqlite' ? placeOfFile(await sqliteFile(db)) : placeInCluster(db)
}

/** The file of the main database; undefined in memory. */
export async function sqliteFile(db: Kysely<Tables>): Promise<string | undefined> {
  const { rows } = await sql<{ name: string; file: string }>`PRAGMA database_list`.execute(db)
  return rows.find(({ name }) => name === 'main')?.file || undefined
}

async function placeOfFile(file: string | undefined): Promise<string | null> {
  if (file === undefined) return null
  const { ino } = await stat(file, { bigint: true })
  return `sqlite:${ino}`
}

async function placeInCluster(db: Kysely<Tables>): Promise<string | null> {
  try {
    const { rows } = await sql<{ place: string }>`
      select 'postgres:' || system_identifier || ':' || oid as place
      from pg_control_system(), pg_database where datname = current_database()`.execute(db)
    return rows[0]?.place ?? null
  } catch {
    return null // not every role or service may query it
  }
}
