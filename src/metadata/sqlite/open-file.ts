import { Kysely, SqliteDialect } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Tables } from '../schema/tables.ts'
import type { Connection } from '../source.ts'
import { sqliteBackup } from './backup.ts'
import { Checkpoints } from './checkpoints.ts'
import { FileDriver } from './file-driver.ts'
import type { Sqlite } from './load-sqlite.ts'
import { applySettings, type MetadataDurability } from './settings.ts'

/**
 * How long SQLite itself waits for a lock, blocking the event loop, before we wait without blocking. In milliseconds.
 */
const busyTimeout = 20

/** Opens the store's own SQLite file, or one in memory, with all that runs on it. */
export async function openFile(Sqlite: Sqlite, file: string, durability: MetadataDurability): Promise<Connection> {
  const database = new Sqlite(file, { timeout: busyTimeout })
  try {
    const checkpoints = new Checkpoints(database)
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
    await applySettings(db, durability)
    const close = async () => {
      try {
        await checkpoints.close()
      } finally {
        await db.destroy()
      }
    }
    const around = {
      before: () => checkpoints.beforeTransaction(),
      committed: () => checkpoints.committed(),
    }
    const driver = new FileDriver(database, db, around)
    return { db, around, driver, close, backup: file === ':memory:' ? noFile : sqliteBackup(checkpoints.setting) }
  } catch (error) {
    database.close()
    throw error
  }
}

function noFile(): never {
  throw new BlobStoreError('InvalidArgument', 'This store’s metadata is in memory: there is nothing to back up')
}
