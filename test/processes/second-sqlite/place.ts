import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { type BlobStore, createBlobStore, DiskBackend, kyselyMetadata, sqliteMetadata } from '../../../src/index.ts'

export type Owner = 'the store' | 'the host'

export const fileIn = (folder: string): string => join(folder, 'facts', 'blobs.sqlite')

/** A store whose file is its own, or the host's. */
export function storeIn(folder: string, owner: Owner): BlobStore {
  return createBlobStore({
    backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    metadata: owner === 'the store' ? sqliteMetadata(fileIn(folder)) : kyselyMetadata(hostDatabase(fileIn(folder))),
    limits: { accept: ['*/*'] },
  })
}

function hostDatabase(file: string): Kysely<never> {
  const database = new Database(file, { timeout: 20 })
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) database.pragma(pragma)
  return new Kysely<never>({ dialect: new SqliteDialect({ database }) })
}
