import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { leftoverRows } from '../../support/leftover-rows.ts'
import type { Place } from './store.ts'

/** What the tables and folders contain, without the library. */
export interface Facts {
  /** Which blobs each record references. */
  refs: ReadonlyMap<string, readonly string[]>
  /** The keys of live content. */
  live: ReadonlySet<string>
  /** The keys that some row names. */
  keys: ReadonlySet<string>
  files: readonly string[]
  spools: readonly string[]
  /** What must not be there once nothing runs any more. */
  leftovers: readonly string[]
}

export function factsOf({ root, database }: Place): Facts {
  const sqlite = new Database(database, { readonly: true })
  try {
    const all = (sql: string) => sqlite.prepare(sql).all() as Record<string, string>[]
    const refs = Map.groupBy(all('SELECT record_uri AS uri, cid FROM blobstore_ref'), ({ uri = '' }) => uri)
    return {
      refs: new Map([...refs].map(([uri, rows]) => [uri, rows.map(({ cid = '' }) => cid)])),
      live: new Set(all('SELECT key FROM blobstore_content').map(({ key = '' }) => key)),
      keys: new Set(all(named).map(({ key = '' }) => key)),
      files: filesBelow(join(root, 'blobs')),
      spools: readdirSync(join(root, 'spool')),
      leftovers: leftoverRows(sqlite),
    }
  } finally {
    sqlite.close()
  }
}

const named = `SELECT key FROM blobstore_content UNION ALL SELECT key FROM blobstore_upload
  UNION ALL SELECT key FROM blobstore_doomed`

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}
