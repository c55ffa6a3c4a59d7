import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Place } from './store.ts'

/** What the tables and folders have, past the store's own eyes. */
export interface Facts {
  /** Which blobs each record names. */
  refs: ReadonlyMap<string, readonly string[]>
  /** The keys of live content, and of every other row. */
  live: ReadonlySet<string>
  files: readonly string[]
  spools: readonly string[]
  /** What must not be there once all is quiet. */
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
      files: filesBelow(join(root, 'blobs')),
      spools: readdirSync(join(root, 'spool')),
      leftovers: Object.entries(unclean).flatMap(([what, sql]) =>
        all(sql).map((row) => `${what}: ${JSON.stringify(row)}`),
      ),
    }
  } finally {
    sqlite.close()
  }
}

const unclean: Record<string, string> = {
  'an upload in flight': 'SELECT * FROM blobstore_upload',
  'a tombstone': 'SELECT * FROM blobstore_doomed',
  'a note of a sweep': 'SELECT * FROM blobstore_candidate',
  'a temporary blob': `SELECT did, cid FROM blobstore_blob AS blob WHERE NOT EXISTS (
    SELECT 1 FROM blobstore_ref AS ref WHERE ref.did = blob.did AND ref.cid = blob.cid)`,
  'content that no account has': `SELECT cid FROM blobstore_content AS content WHERE NOT EXISTS (
    SELECT 1 FROM blobstore_blob AS blob WHERE blob.cid = content.cid)`,
  'wrong counters': `SELECT * FROM blobstore_account AS account WHERE reserved <> 0 OR pending <> 0
    OR bytes <> (SELECT coalesce(sum(size), 0) FROM blobstore_blob AS blob WHERE blob.did = account.did)
    OR count <> (SELECT count(*) FROM blobstore_blob AS blob WHERE blob.did = account.did)
    OR temporary <> (SELECT count(expires_at) FROM blobstore_blob AS blob WHERE blob.did = account.did)`,
  'a broken database': `SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
  'a broken foreign key': 'SELECT * FROM pragma_foreign_key_check',
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}
