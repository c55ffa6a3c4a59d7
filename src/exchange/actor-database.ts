import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { decode } from '@ipld/dag-cbor'
import type { Database } from 'better-sqlite3'
import type { BlobCid } from '../blob/cid.ts'
import { isDid } from '../blob/did.ts'
import { type FoundBlobRef, findBlobRefs } from '../blob/find-blob-refs.ts'
import { entriesOf } from './files.ts'
import { openToRead } from './sqlite-file.ts'

/** What the PDS knows of a blob of an account. */
export interface ActorBlob {
  cid: string
  mimeType: string
  size: number
  /** The key of its bytes as long as no record references it. */
  tempKey: string | null
  createdAt: string
  /** Why it is taken down, if it is. */
  takedownRef: string | null
}

/** A record names a blob. */
export interface ActorRef {
  cid: string
  uri: string
  /** The revision in which the record was written; null when the record is not there. */
  rev: string | null
}

/** Where the reference PDS keeps the databases of its accounts: `{folder}/{2 hex of sha256(did)}/{did}/store.sqlite`. */
export class ActorFolder {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async *accounts(): AsyncGenerator<string> {
    for (const shard of await entriesOf(this.#folder)) {
      if (!/^[0-9a-f]{2}$/.test(shard.name)) continue
      for (const { name } of await entriesOf(join(this.#folder, shard.name))) {
        if (isDid(name) && shardOf(name) === shard.name) yield name
      }
    }
  }

  open(did: string): Promise<ActorDatabase> {
    return ActorDatabase.open(join(this.#folder, shardOf(did), did, 'store.sqlite'))
  }
}

const shardOf = (did: string): string => createHash('sha256').update(did).digest('hex').slice(0, 2)

/** The database of one account, of which only what concerns blobs is read. Each look sees what is committed then. */
export class ActorDatabase implements Disposable {
  readonly #database: Database

  private constructor(database: Database) {
    this.#database = database
  }

  static async open(file: string): Promise<ActorDatabase> {
    return new ActorDatabase(await openToRead(file))
  }

  count(): number {
    return this.#database.prepare('SELECT count(*) FROM blob').pluck().get() as number
  }

  /** A page of the blobs that are taken down, or of the others, ordered by CID. */
  page(takenDown: boolean, after: string, limit: number): ActorBlob[] {
    const which = `takedownRef IS ${takenDown ? 'NOT ' : ''}NULL`
    const sql = `SELECT ${columns} FROM blob WHERE ${which} AND cid > ? ORDER BY cid LIMIT ?`
    return this.#database.prepare(sql).all(after, limit) as ActorBlob[]
  }

  blob(cid: string): ActorBlob | null {
    return (this.#database.prepare(`SELECT ${columns} FROM blob WHERE cid = ?`).get(cid) as ActorBlob) ?? null
  }

  hasTempKey(key: string): boolean {
    return this.#database.prepare('SELECT 1 FROM blob WHERE tempKey = ?').get(key) !== undefined
  }

  /** All of the account's: they fit into memory. */
  refs(): ActorRef[] {
    const sql = `SELECT blobCid AS cid, recordUri AS uri, repoRev AS rev
      FROM record_blob LEFT JOIN record ON record.uri = recordUri ORDER BY recordUri, blobCid`
    return this.#database.prepare(sql).all() as ActorRef[]
  }

  /** What records name, and no row tells of: an account migration has not brought it. */
  unmetRefs(): { cid: string; uri: string }[] {
    const sql = `SELECT blobCid AS cid, recordUri AS uri FROM record_blob
      WHERE blobCid NOT IN (SELECT cid FROM blob) ORDER BY recordUri, blobCid`
    return this.#database.prepare(sql).all() as { cid: string; uri: string }[]
  }

  /** The latest revision of the repository. */
  rev(): string | null {
    return (this.#database.prepare('SELECT rev FROM repo_root').pluck().get() as string | undefined) ?? null
  }

  /** What a record says of a blob; null when it does not name it, or is not there. */
  named(uri: string, cid: BlobCid): FoundBlobRef | null {
    const sql = 'SELECT content FROM record JOIN repo_block ON repo_block.cid = record.cid WHERE uri = ?'
    const content = this.#database.prepare(sql).pluck().get(uri) as Uint8Array | undefined
    if (content === undefined) return null
    try {
      return findBlobRefs(decode(content), { broken: 'skip' }).find((ref) => ref.cid === cid) ?? null
    } catch {
      return null // a record that cannot be read names nothing
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

const columns = 'cid, mimeType, size, tempKey, createdAt, takedownRef'
