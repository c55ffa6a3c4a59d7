import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { encode } from '@ipld/dag-cbor'
import Database from 'better-sqlite3'
import { cidOfBytes, cidOfRecord, createBlobRef } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { nextRev, uriOf } from '../support/samples.ts'

// The tables that concern blobs, as @atproto/pds 0.5 creates them.
const schema = `
  CREATE TABLE repo_root (did varchar PRIMARY KEY, cid varchar NOT NULL, rev varchar NOT NULL, indexedAt varchar NOT NULL);
  CREATE TABLE repo_block (cid varchar PRIMARY KEY, repoRev varchar NOT NULL, size integer NOT NULL, content blob NOT NULL);
  CREATE TABLE record (uri varchar PRIMARY KEY, cid varchar NOT NULL, collection varchar NOT NULL, rkey varchar NOT NULL,
    repoRev varchar NOT NULL, indexedAt varchar NOT NULL, takedownRef varchar);
  CREATE TABLE blob (cid varchar PRIMARY KEY, mimeType varchar NOT NULL, size integer NOT NULL, tempKey varchar,
    width integer, height integer, createdAt varchar NOT NULL, takedownRef varchar);
  CREATE INDEX blob_tempkey_idx ON blob (tempKey);
  CREATE TABLE record_blob (blobCid varchar NOT NULL, recordUri varchar NOT NULL,
    CONSTRAINT record_blob_pkey PRIMARY KEY (blobCid, recordUri));`

export interface Uploaded {
  did: string
  cid: string
  mimeType: string
  size: number
}

/** The data of a reference PDS with its blobs on disk, and what its methods do to them. */
export class ReferencePds {
  readonly folder: string = temporaryFolder()
  readonly location: string = join(this.folder, 'blocks')
  readonly actors: string = join(this.folder, 'actors')
  readonly #databases = new Map<string, Database.Database>()

  constructor() {
    mkdirSync(this.location)
    mkdirSync(this.actors)
  }

  database(did: string): Database.Database {
    let database = this.#databases.get(did)
    if (!database) {
      const folder = join(this.actors, createHash('sha256').update(did).digest('hex').slice(0, 2), did)
      mkdirSync(folder, { recursive: true })
      database = new Database(join(folder, 'store.sqlite'))
      database.pragma('journal_mode = WAL')
      database.exec(schema)
      database.prepare('INSERT INTO repo_root VALUES (?, ?, ?, ?)').run(did, 'bafyroot', nextRev(), date)
      this.#databases.set(did, database)
    }
    return database
  }

  upload(did: string, content: Uint8Array, mimeType = 'text/plain'): Uploaded {
    const cid = cidOfBytes(content)
    const tempKey = randomBytes(16).toString('hex')
    this.#write(join('tempt', did, tempKey), content)
    this.database(did)
      .prepare(
        `INSERT INTO blob (cid, mimeType, size, tempKey, createdAt) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (cid) DO UPDATE SET tempKey = excluded.tempKey WHERE tempKey IS NOT NULL`,
      )
      .run(cid, mimeType, content.byteLength, tempKey, date)
    return { did, cid, mimeType, size: content.byteLength }
  }

  /** A record of the account references these blobs, and makes them permanent. */
  post(did: string, rkey: string, ...uploaded: Omit<Uploaded, 'did'>[]): void {
    const database = this.database(did)
    const record = { text: rkey, blobs: uploaded.map((one) => createBlobRef(one)) }
    const [uri, cid, rev] = [uriOf(did, rkey), cidOfRecord(record), nextRev()]
    database.prepare('INSERT INTO repo_block VALUES (?, ?, ?, ?)').run(cid, rev, 1, encode(record))
    database
      .prepare('INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, NULL)')
      .run(uri, cid, 'app.bsky.feed.post', rkey, rev, date)
    for (const { cid } of uploaded) {
      database.prepare('INSERT OR IGNORE INTO record_blob VALUES (?, ?)').run(cid, uri)
      const key = this.tempKey(did, cid)
      if (!key) continue
      this.#write(join(did, cid), readFileSync(join(this.location, 'tempt', did, key)))
      rmSync(join(this.location, 'tempt', did, key))
      database.prepare('UPDATE blob SET tempKey = NULL WHERE cid = ?').run(cid)
    }
  }

  takedown(did: string, cid: string): void {
    this.database(did).prepare(`UPDATE blob SET takedownRef = 'case 1' WHERE cid = ?`).run(cid)
    mkdirSync(join(this.location, 'quarantine', did), { recursive: true })
    renameSync(join(this.location, did, cid), join(this.location, 'quarantine', did, cid))
  }

  unpost(did: string, rkey: string, cid: string): void {
    const database = this.database(did)
    database.prepare('DELETE FROM record_blob WHERE recordUri = ?').run(uriOf(did, rkey))
    database.prepare('DELETE FROM blob WHERE cid = ?').run(cid)
    rmSync(join(this.location, did, cid), { force: true })
  }

  tempKey(did: string, cid: string): string | null {
    return this.database(did).prepare('SELECT tempKey FROM blob WHERE cid = ?').pluck().get(cid) as string | null
  }

  /** Every file of its blobs, by its path. */
  tree(location: string = this.location): Map<string, string> {
    return treeAt(location)
  }

  close(): void {
    for (const database of this.#databases.values()) database.close()
    this.#databases.clear()
  }

  #write(path: string, content: Uint8Array): void {
    const file = join(this.location, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, content)
  }
}

/** Every file in a folder, by its path. */
export function treeAt(location: string): Map<string, string> {
  const entries = readdirSync(location, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(files.sort().map((file) => [relative(location, file), readFileSync(file).toString('base64')]))
}

const date = '2025-03-04T05:06:07.000Z'
