import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { leftoverRows } from '../../support/leftover-rows.ts'
import { pair } from './ledger.ts'
import type { Place } from './place.ts'

/** What database and directory contain, without the library. */
export interface Facts {
  /** Names of the files under which bytes are. */
  files: Set<string>
  /** Keys that some row names. */
  keys: Set<string>
  /** Keys of live bytes. */
  live: Set<string>
  /** By account and CID: the key of its bytes. */
  blobs: Map<string, string>
  /** By record: the CIDs that it references, and those that it waits for. */
  refs: Map<string, string[]>
  expected: Map<string, string[]>
  /** Number of rows by account: its blobs, references and expectations. */
  rows: Map<string, number>
}

export function look(place: Place): Facts {
  const database = new Database(place.database, { fileMustExist: true, timeout: 5000 })
  try {
    const all = (sql: string) => database.prepare(sql).all() as Record<string, string>[]
    const live = all('SELECT key FROM blobstore_content')
    const dying = all('SELECT key FROM blobstore_upload UNION ALL SELECT key FROM blobstore_doomed')
    const blobs = all('SELECT did, cid, key FROM blobstore_blob LEFT JOIN blobstore_content USING (cid)')
    const refs = all('SELECT did, record_uri AS uri, cid FROM blobstore_ref')
    const expected = all('SELECT did, record_uri AS uri, cid FROM blobstore_expected')
    return {
      files: new Set(filesIn(join(place.root, 'blobs'))),
      keys: new Set([...live, ...dying].map(({ key = '' }) => key)),
      live: new Set(live.map(({ key = '' }) => key)),
      blobs: new Map(blobs.map(({ did = '', cid = '', key = '' }) => [pair(did, cid), key])),
      refs: byRecord(refs),
      expected: byRecord(expected),
      rows: countBy([...blobs, ...refs, ...expected].map(({ did = '' }) => did)),
    }
  } finally {
    database.close()
  }
}

/** What should not be there once everything was collected, as sentences. */
export function leftovers(place: Place): string[] {
  const database = new Database(place.database, { fileMustExist: true, timeout: 5000 })
  try {
    return leftoverRows(database)
  } finally {
    database.close()
  }
}

function filesIn(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

function byRecord(rows: readonly Record<string, string>[]): Map<string, string[]> {
  const records = new Map<string, string[]>()
  for (const { uri = '', cid = '' } of rows) records.set(uri, [...(records.get(uri) ?? []), cid])
  return records
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
