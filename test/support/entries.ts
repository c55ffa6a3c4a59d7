import type Database from 'better-sqlite3'
import { numberIn } from '../../src/backend/key.ts'

/**
 * Whether a process's entry knows, or knew, the bytes under this key, and no row need name them: until their commit, and
 * after the death of the process until a sweep.
 */
export const isOfEntry = (key: string): boolean => numberIn(key) > 9_000_000_000

/** As when every process is dead, and its lease over: then a sweep finds what they left. */
export function closeEntries(database: Database.Database): void {
  database.exec('DELETE FROM blobstore_process')
}
