import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { BlobCid } from '../../blob/cid.ts'
import { isDid } from '../../blob/identifiers.ts'
import { PassedOver } from '../../maintenance/transfer-job.ts'
import { entriesOf } from '../files.ts'
import {
  type AccountTables,
  type Answer,
  type Asked,
  type BlobRow,
  type Claim,
  type Kind,
  type NamingRow,
  type Page,
  pageSize,
} from '../reader/questions.ts'
import { type SqliteReader, UnreadableDatabase } from '../reader/sqlite-reader.ts'

/** The table by which records that everybody may see reference blobs. */
export const publicTable = 'record_blob'

/**
 * Where the reference PDS keeps the databases of its accounts: `{folder}/{2 hex of sha256(did)}/{did}/store.sqlite`.
 */
export class ActorFolder {
  readonly #folder: string
  readonly #reader: SqliteReader

  constructor(folder: string, reader: SqliteReader) {
    this.#folder = folder
    this.#reader = reader
  }

  /** @throws the error of reading the folder; for a folder in it, `unreadable` is called */
  async accounts(unreadable: (folder: string, error: Error) => void): Promise<Set<string>> {
    const dids = new Set<string>()
    for (const shard of await entriesOf(this.#folder)) {
      if (!/^[0-9a-f]{2}$/.test(shard.name)) continue
      const folder = join(this.#folder, shard.name)
      try {
        for (const { name } of await entriesOf(folder)) if (isDid(name) && shardOf(name) === shard.name) dids.add(name)
      } catch (error) {
        unreadable(folder, error as Error)
      }
    }
    return dids
  }

  of(did: string): ActorDatabase {
    return new ActorDatabase(this.#reader, join(this.#folder, shardOf(did), did, 'store.sqlite'))
  }
}

const shardOf = (did: string): string => createHash('sha256').update(did).digest('hex').slice(0, 2)

/**
 * The database of one account. Each method sees what is committed then. After a failed read it is not tried again: all
 * its methods throw `PassedOver`.
 */
export class ActorDatabase {
  readonly #reader: SqliteReader
  readonly #file: string
  #over: PassedOver | null = null

  constructor(reader: SqliteReader, file: string) {
    this.#reader = reader
    this.#file = file
  }

  tables(): Promise<AccountTables> {
    return this.#ask('tables', {})
  }

  count(): Promise<number> {
    return this.#ask('countBlobs', {})
  }

  /** The blobs that are taken down, or the others, in pages. */
  blobs(takenDown: boolean): AsyncGenerator<BlobRow[]> {
    return pages((after) => this.#ask('blobs', { takenDown, after }))
  }

  blob(cid: string): Promise<BlobRow | null> {
    return this.#ask('blob', { cid })
  }

  /** The names that no row of `blob` has as its CID, or as its temporary key. */
  async *strangers(column: 'cid' | 'tempKey', names: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const some of batches(names)) yield* await this.#ask('strangers', { column, names: some })
  }

  namings(table: string): AsyncGenerator<NamingRow[]> {
    return pages((after) => this.#ask('namings', { table, after }))
  }

  /** What records reference, but no row of `blob` has: an account migration has not copied it. */
  unmet(table: string): AsyncGenerator<NamingRow[]> {
    return pages((after) => this.#ask('unmet', { table, after }))
  }

  /** The latest revision of the repository. */
  rev(): Promise<string | null> {
    return this.#ask('rev', {})
  }

  /** What a record claims about a blob; null if it does not reference it, or does not exist. */
  claim(uri: string, cid: BlobCid): Promise<Claim | null> {
    return this.#ask('claim', { uri, cid })
  }

  async #ask<K extends Kind>(kind: K, asked: Asked<K>): Promise<Answer<K>> {
    if (this.#over) throw this.#over
    try {
      return await this.#reader.ask(this.#file, kind, asked)
    } catch (error) {
      if (!(error instanceof UnreadableDatabase)) throw error
      this.#over ??= new PassedOver('unreadable', 'the database of the account', error)
      throw this.#over
    }
  }
}

/** All pages, one after the other. */
export async function* pages<Row>(read: (after: string | null) => Promise<Page<Row>>): AsyncGenerator<Row[]> {
  let after: string | null = null
  do {
    const page: Page<Row> = await read(after)
    yield page.rows
    after = page.next
  } while (after !== null)
}

/** Batches of the size that one question allows. */
export async function* batches(names: AsyncIterable<string>): AsyncGenerator<string[]> {
  let some: string[] = []
  for await (const name of names) {
    if (some.push(name) < pageSize) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
