import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { leftoverQuestions, leftoverSentences } from '../../support/leftover-rows.ts'
import type { Row } from './database.ts'
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

export async function look(place: Place): Promise<Facts> {
  const [live = [], dying = [], blobs = [], refs = [], expected = []] = await place.database.ask([
    'SELECT key FROM blobstore_content',
    'SELECT key FROM blobstore_upload UNION ALL SELECT key FROM blobstore_doomed',
    'SELECT did, cid, key FROM blobstore_blob LEFT JOIN blobstore_content USING (cid)',
    'SELECT did, record_uri AS uri, cid FROM blobstore_ref',
    'SELECT did, record_uri AS uri, cid FROM blobstore_expected',
  ])
  return {
    files: new Set(filesIn(join(place.root, 'blobs'))),
    keys: new Set([...live, ...dying].map(({ key = '' }) => key)),
    live: new Set(live.map(({ key = '' }) => key)),
    blobs: new Map(blobs.map(({ did = '', cid = '', key = '' }) => [pair(did, cid), key])),
    refs: byRecord(refs),
    expected: byRecord(expected),
    rows: countBy([...blobs, ...refs, ...expected].map(({ did = '' }) => did)),
  }
}

/** What should not be there once everything was collected, as sentences. */
export async function leftovers({ database }: Place): Promise<string[]> {
  const questions = leftoverQuestions(database.dialect)
  return leftoverSentences(questions, await database.ask(Object.values(questions)))
}

function filesIn(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

function byRecord(rows: readonly Row[]): Map<string, string[]> {
  const records = new Map<string, string[]>()
  for (const { uri = '', cid = '' } of rows) records.set(uri, [...(records.get(uri) ?? []), cid])
  return records
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
