import Database from 'better-sqlite3'

/** Copies an SQLite file that this process may have open: by the same SQLite, since `fs` would drop the locks of the store. */
export function copyDatabase(file: string, to: string): void {
  const database = new Database(file, { readonly: true })
  try {
    database.prepare('VACUUM INTO ?').run(to)
  } finally {
    database.close()
  }
}
