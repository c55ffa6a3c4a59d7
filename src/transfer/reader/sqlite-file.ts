import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Database, Options } from 'better-sqlite3'

type Sqlite = typeof import('better-sqlite3')

/** How long SQLite waits for a database that is locked, in milliseconds. Blocking is harmless in this process. */
const busyTimeout = 5000

/**
 * Opens another program's SQLite database, read-only. Its contents stay as they are, but SQLite may create an empty
 * `-wal` and a `-shm` beside it, as for every reader. These must belong to the owner of the database, or that program
 * could no longer open it. So only its owner may run this, and root, for whom SQLite sets the owner.
 */
function openToRead(sqlite: Sqlite, file: string, { uid }: Stats): Database {
  const own = process.getuid?.() ?? uid
  if (own !== uid && own !== 0) {
    throw new Error('it belongs to another user: run this as the user that runs the PDS, or as root')
  }
  try {
    return openFile(sqlite, file)
  } catch (error) {
    // SQLite cannot open a database with a log in a read-only folder, as on a snapshot.
    if ((error as { code?: unknown }).code !== 'SQLITE_CANTOPEN' || mayWriteIn(dirname(file))) throw error
    return openCopy(sqlite, file)
  }
}

function openFile(Sqlite: Sqlite, file: string): Database {
  const options: Options = { readonly: true, fileMustExist: true, timeout: busyTimeout }
  const database = new Sqlite(file, options)
  try {
    database.pragma('trusted_schema = OFF')
    database.pragma('schema_version')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** The copy has no name any more when it is read: nothing is left of it, however this process ends. */
function openCopy(sqlite: Sqlite, file: string): Database {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-reader-'))
  const copy = join(folder, 'copy.sqlite')
  try {
    const before = stateOf(file)
    copyFileSync(file, copy)
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`)
    if (stateOf(file) !== before) {
      throw new Error(
        'its folder is read-only, and it was written to while it was copied: read it where its folder is writable',
      )
    }
    return openFile(sqlite, copy)
  } finally {
    for (const end of ['', '-wal', '-shm']) if (existsSync(copy + end)) unlinkSync(copy + end)
    rmdirSync(folder)
  }
}

/** The state of a database and its log, as far as changes are visible. */
function stateOf(file: string): string {
  return [file, `${file}-wal`]
    .map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
    .map((stats) => `${stats?.ino} ${stats?.size} ${stats?.mtimeNs}`)
    .join()
}

function mayWriteIn(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function statOf(file: string): Stats {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats) throw new Error('there is no such file')
  // Opening anything else might wait for ever.
  if (!stats.isFile()) throw new Error('it is not a file')
  return stats
}

/** The last database that was asked about, which mostly is the next one too. */
export class OpenFile {
  readonly #sqlite: Sqlite
  #open: { file: string; stats: Stats; database: Database } | null = null

  constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite
  }

  /** The database that has this name now: one that was deleted is not read further. */
  database(file: string): Database {
    const stats = statOf(file)
    const open = this.#open
    if (open && open.file === file && open.stats.ino === stats.ino && open.stats.dev === stats.dev) return open.database
    this.close()
    const database = openToRead(this.#sqlite, file, stats)
    this.#open = { file, stats, database }
    return database
  }

  close(): void {
    this.#open?.database.close()
    this.#open = null
  }
}
