import { resolve } from 'node:path'
import { BlobStoreError } from '../../errors.ts'
import { metadataFrom } from '../kysely-metadata.ts'
import type { MetadataAdapter } from '../metadata.ts'
import { checkMetadataOptions, type KyselyMetadataOptions } from '../source.ts'
import { makeFolderOf } from './folder.ts'
import { loadSqlite } from './load-sqlite.ts'

/**
 * Keeps the metadata in an SQLite file of its own, with durable settings. For hosts whose records are stored elsewhere,
 * and with `:memory:` for tests. References then commit separately from the host's records: docs/metadata.md says what
 * the host must do about that. Needs the package better-sqlite3, which npm installs unless the host leaves optional
 * dependencies out: without it the store fails to open, with `MetadataFailed`.
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
      // Loaded only here: hosts on PostgreSQL need no SQLite. And in one module: Jest 29 fails on several at once.
      const Sqlite = await loadSqlite('sqliteMetadata()')
      const { openFile } = await import('./open-file.ts')
      return await openFile(Sqlite, file, options.durability ?? 'full')
    },
  })
}
