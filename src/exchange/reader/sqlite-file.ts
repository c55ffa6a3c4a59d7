import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Options } from 'better-sqlite3'
import { BlobStoreError } from '../errors.ts'

/** How long SQLite itself waits, blocking the event loop, and how often we wait without: 5 s in all. */
const busyTimeout = 20
const [tries, pause] = [50, 100]

/**
 * Opens another program's SQLite database, only to read. Its contents stay as they are, though SQLite may put an empty
 * `-wal` and a `-shm` beside it, as for every reader. They must be of the owner of the database, or that program could not
 * open it any more: so this refuses to run as anybody else but its owner and root, for whom SQLite sees to it.
 */
export async function openToRead(file: string): Promise<Database> {
  const { default: SqliteDatabase } = await import('better-sqlite3')
  const { uid } = statSync(file)
  const own = process.getuid?.() ?? uid
  if (own !== uid && own !== 0) {
    throw new BlobStoreError(
      'InvalidArgument',
      `${file} belongs to another user: run the import as the user that the PDS runs as, or as root`,
    )
  }
  const options: Options = { readonly: true, fileMustExist: true, timeout: busyTimeout }
  return patiently(() => {
    const database = new SqliteDatabase(file, options)
    try {
      database.pragma('schema_version')
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

/** Readers of a database in WAL mode wait for nobody, but while it recovers, and while it is closed by the last. */
async function patiently<T>(run: () => T): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return run()
    } catch (error) {
      if (!isBusy(error) || attempt === tries) throw error
      await sleep(pause)
    }
  }
}

function isBusy(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
}
