import { resolve } from 'node:path'
import { BlobStoreError } from '../../errors.ts'
import { metadataFrom } from '../kysely-metadata.ts'
import type { MetadataAdapter } from '../metadata.ts'
import type { Tables } from '../schema/tables.ts'
import { checkMetadataOptions, type KyselyMetadataOptions } from '../source.ts'
import { makeFolderOf } from './folder.ts'

/**
 * How long SQLite itself waits for a lock, blocking the event loop, before we wait without blocking. In milliseconds.
 */
const busyTimeout = 20

/**
 * Keeps the metadata in an SQLite file of its own, with durable settings. For hosts whose records are stored elsewhere,
 * and with `:memory:` for tests. References then commit separately from the host's records: docs/metadata.md says what
 * the host must do about that.
 *
 * @throws `InvalidArgument`
 */
export function sqliteMetadata(file: string, options: KyselyMetadataOptions = {}): MetadataAdapter {
  checkMetadataOptions('sqliteMetadata', options)
  if (typeof file !== 'string' || file === '') {
    throw new BlobStoreError('InvalidArgument', 'sqliteMetadata(file): file must be the path of an SQLite file')
  }
  return metadataFrom({
    ...options,
    ownFile: true,
    location: file === ':memory:' ? 'memory' : resolve(file),
    async connect() {
      if (file !== ':memory:') await makeFolderOf(file, options.durability !== 'relaxed')
      assertNodeApi()
      // Loaded only here: hosts on PostgreSQL need no SQLite.
      const [
        { default: Database },
        { Kysely, SqliteDialect },
        { Checkpoints },
        { FileDriver },
        { sqliteBackup },
        settings,
      ] = await Promise.all([
        import('better-sqlite3'),
        import('kysely'),
        import('./checkpoints.ts'),
        import('./file-driver.ts'),
        import('./backup.ts'),
        import('./settings.ts'),
      ])
      const database = new Database(file, { timeout: busyTimeout })
      try {
        const checkpoints = new Checkpoints(database)
        const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
        await settings.applySettings(db, options.durability ?? 'full')
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
        return { db, around, driver, close, backup: file === ':memory:' ? noFile : sqliteBackup(checkpoints.file) }
      } catch (error) {
        database.close()
        throw error
      }
    },
  })
}

function noFile(): never {
  throw new BlobStoreError('InvalidArgument', 'This store’s metadata is in memory: there is nothing to back up')
}

/** better-sqlite3 13 ends the process, without a message, on a Node that is too old for it. */
function assertNodeApi(): void {
  if (Number(process.versions.napi) >= 10) return
  throw new BlobStoreError(
    'MetadataFailed',
    `better-sqlite3 13 needs Node 22.14 or later (Node-API 10); this is Node ${process.versions.node}`,
  )
}
