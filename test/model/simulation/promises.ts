import type Database from 'better-sqlite3'
import { type Row, rowsOf } from './rows.ts'
import type { World } from './world.ts'

/** A record names a blob. */
export interface Reference {
  did: string
  cid: string
  uri: string
}

/** What the host may rely upon, and what it can know from its own tables. */
export class Promises {
  /** Acknowledged uploads, and until when they are temporary at least. */
  readonly held = new Map<string, { did: string; until: number }>()
  /** At which step the bytes of a key came. */
  readonly putAt = new Map<string, number>()
  readonly #database: Database.Database
  readonly #world: World
  readonly #deletions = new Map<string, number>()

  constructor(database: Database.Database, world: World) {
    this.#database = database
    this.#world = world
  }

  /** An upload begins. What it gives tells of its acknowledgement: a promise, unless the account was deleted meanwhile. */
  beginUpload(did: string, cid: string, grace: number): () => void {
    const until = this.#world.now + grace
    const deletions = this.#deletions.get(did)
    return () => {
      if (this.#deletions.get(did) === deletions) this.held.set(`${did} ${cid}`, { did, until })
    }
  }

  beginDeletion(did: string): void {
    this.#deletions.set(did, (this.#deletions.get(did) ?? 0) + 1)
    for (const [name, promise] of this.held) if (promise.did === did) this.held.delete(name)
  }

  heldBy(did: string): string[] {
    return this.#rows('SELECT cid FROM blobstore_blob WHERE did = ? ORDER BY cid', did).map((row) => row.cid as string)
  }

  /** A reference that the public sees, if there is one. */
  someReference(): Reference | undefined {
    const visible = this.#rows(`SELECT did, cid, record_uri AS uri FROM blobstore_ref AS ref
      WHERE did NOT IN (SELECT did FROM blobstore_account WHERE deleted_at IS NOT NULL)
      AND cid NOT IN (SELECT cid FROM blobstore_takedown) ORDER BY did, cid, record_uri`)
    return visible.length === 0 ? undefined : (this.#world.pick(visible) as unknown as Reference)
  }

  /** Changes whenever the record does, or something is hidden: as long as it is the same, the reference is good. */
  stateOf({ uri }: Reference): string {
    return JSON.stringify(this.#rows('SELECT (SELECT version FROM record WHERE uri = ?) AS v, count FROM hidings', uri))
  }

  someTakedown(): { did: string; cid: string } | undefined {
    const all = this.#rows('SELECT did, cid FROM blobstore_takedown ORDER BY did, cid')
    return all.length === 0 ? undefined : (this.#world.pick(all) as { did: string; cid: string })
  }

  /** The mark of a deletion, if the account is deleted and nothing of it remains to be forgotten. */
  finishedDeletion(did: string): string | undefined {
    const sql = 'SELECT deleted_at AS mark FROM blobstore_account WHERE did = ? AND deleted_at > 0 AND deleting = 0'
    return this.#rows(sql, did)[0]?.mark
  }

  #rows(sql: string, ...values: string[]): Row[] {
    return rowsOf(this.#database, sql, ...values)
  }
}
