import { readdirSync, statSync } from 'node:fs'
import { isVersionName } from '../backend/disk/layout.ts'
import { MemoryBackend } from '../backend/memory.ts'
import type { BlobStore } from '../blob-store.ts'
import { createBlobStore } from '../create-blob-store.ts'
import { sqliteMetadata } from '../metadata/sqlite-metadata.ts'
import type { Place } from './place.ts'

/** An empty store in memory: what would come into one that is still to be made can be said without making it. */
export function trialStore(): BlobStore {
  return createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') })
}

/** Whether a store is there, or something of one, for which the command must then find the rest. Nothing is changed. */
export async function isAnythingThere({ disk, sqlite, postgres }: Place): Promise<boolean> {
  if (disk !== undefined && hasLayout(disk)) return true
  if (sqlite !== undefined) return hasSqliteTables(sqlite)
  return postgres !== undefined && hasPostgresTables(postgres)
}

function hasLayout(disk: string): boolean {
  const isFolder = statSync(disk, { throwIfNoEntry: false })?.isDirectory() ?? false
  return isFolder && readdirSync(disk).some(isVersionName)
}

async function hasSqliteTables(file: string): Promise<boolean> {
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found || found.size === 0) return false
  const { default: Database } = await import('better-sqlite3')
  const database = new Database(file, { readonly: true })
  try {
    const sql = String.raw`SELECT 1 FROM sqlite_schema WHERE name LIKE 'blobstore\_%' ESCAPE '\'`
    return database.prepare(sql).get() !== undefined
  } finally {
    database.close()
  }
}

async function hasPostgresTables(connectionString: string): Promise<boolean> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString })
  try {
    await client.connect()
    const { rows } = await client.query(`SELECT to_regclass('blobstore_blob') AS found`)
    return rows[0]?.found !== null
  } finally {
    await client.end()
  }
}
