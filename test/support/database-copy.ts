import Database from 'better-sqlite3'

/**
 * Copies an SQLite file that this process may have open: with the same SQLite, because `fs` would drop the store's
 * locks.
 */
export function copyDatabase(file: string, to: string): void {
  const database = new Database(file, { readonly: true })
  try {
    database.prepare('VACUUM INTO ?').run(to)
  } finally {
    database.close()
  }
}
