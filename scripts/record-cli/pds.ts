import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { cidOfBytes } from '../../src/index.ts'
import { photographer, picture, uriOf } from './store.ts'

// The tables that concern blobs, as @atproto/pds creates them.
const schema = `
  CREATE TABLE repo_root (did varchar PRIMARY KEY, cid varchar NOT NULL, rev varchar NOT NULL, indexedAt varchar NOT NULL);
  CREATE TABLE record (uri varchar PRIMARY KEY, cid varchar NOT NULL, collection varchar NOT NULL, rkey varchar NOT NULL,
    repoRev varchar NOT NULL, indexedAt varchar NOT NULL, takedownRef varchar);
  CREATE TABLE blob (cid varchar PRIMARY KEY, mimeType varchar NOT NULL, size integer NOT NULL, tempKey varchar,
    width integer, height integer, createdAt varchar NOT NULL, takedownRef varchar);
  CREATE TABLE record_blob (blobCid varchar NOT NULL, recordUri varchar NOT NULL, PRIMARY KEY (blobCid, recordUri));`

/** The data of a reference PDS with an account and three pictures, one of which is not where its row says. */
export function makePds(folder: string): void {
  const [blocks, actor] = [join(folder, 'pds/blocks', photographer), join(folder, 'pds/actors', shardOf(photographer))]
  for (const made of [blocks, actor]) mkdirSync(made, { recursive: true })
  const database = new Database(join(actor, 'store.sqlite'))
  database.exec(schema)
  const date = '2026-01-01T00:00:00.000Z'
  const rev = '3kphotos22222'
  database.prepare('INSERT INTO repo_root VALUES (?, ?, ?, ?)').run(photographer, 'bafyroot', rev, date)
  for (const at of [1, 2, 3]) {
    const content = picture(`photo ${at}`, at * 40_000)
    const cid = cidOfBytes(content)
    if (at < 3) writeFileSync(join(blocks, cid), content)
    const [uri, size] = [uriOf(photographer, at), content.byteLength]
    const blob = 'INSERT INTO blob (cid, mimeType, size, createdAt) VALUES (?, ?, ?, ?)'
    database.prepare(blob).run(cid, 'image/jpeg', size, date)
    const record = 'INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, NULL)'
    database.prepare(record).run(uri, 'bafyrecord', 'app.bsky.feed.post', uri.split('/').at(-1), rev, date)
    database.prepare('INSERT INTO record_blob VALUES (?, ?)').run(cid, uri)
  }
  database.close()
}

const shardOf = (did: string): string => join(createHash('sha256').update(did).digest('hex').slice(0, 2), did)
