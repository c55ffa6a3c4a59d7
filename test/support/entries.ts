import type Database from 'better-sqlite3'
import { type Kysely, sql } from 'kysely'
import { numberIn } from '../../src/backend/key.ts'

/**
 * Whether a process's entry knows, or knew, the bytes under this key, and no row need name them: until their commit, and
 * after the death of the process until a sweep.
 */
export const isOfEntry = (key: string): boolean => numberIn(key) > 9_000_000_000

/** As when every process is dead, and its lease over: then a sweep finds what they left. */
export const closingEntries = 'DELETE FROM blobstore_process'

export function closeEntries(database: Database.Database): void {
  database.exec(closingEntries)
}

/** Undoes migration 012. */
export async function undoEntries(db: Kysely<never>): Promise<void> {
  await sql`alter table blobstore_orphan rename to blobstore_candidate`.execute(db)
  await sql`alter table blobstore_purge_record rename to blobstore_purge`.execute(db)
  await sql`alter table blobstore_process drop column number`.execute(db)
  await sql`delete from blobstore_migration where name = '012'`.execute(db)
}
