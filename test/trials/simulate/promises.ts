import type Database from 'better-sqlite3'
import { type Row, rowsOf } from './rows.ts'
import type { Process } from './scheduler.ts'
import type { World } from './world.ts'

/** A record references a blob. */
export interface Reference {
  did: string
  cid: string
  uri: string
  /** `public`, or the space that the record is in. */
  place: string
}

/** What the host may rely on, and what it can know from its own tables. */
export class Promises {
  /** Acknowledged uploads. */
  readonly #held = new Map<string, { did: string; cid: string; until: number; grace: number; deletions: number }>()
  readonly #dropping = new Map<string, Process>()
  #jumps = 0
  readonly #database: Database.Database
  readonly #world: World

  constructor(database: Database.Database, world: World) {
    this.#database = database
    this.#world = world
  }

  /** An upload begins; the returned function is to be called when it is acknowledged. */
  beginUpload(did: string, cid: string, grace: number): () => void {
    const promise = { did, cid, until: this.#world.clock + grace, grace, deletions: this.#deletionsOf(did) }
    const jumps = this.#jumps
    return () => {
      if (jumps === this.#jumps) this.#held.set(`${did} ${cid}`, promise)
    }
  }

  /**
   * The clock has jumped, and showed `before`. A jump ahead ends grace periods; when it is corrected they begin anew,
   * at the latest.
   */
  onJump(before: number): void {
    this.#jumps += 1
    const { clock } = this.#world
    for (const [name, { until, grace, ...promise }] of this.#held) {
      if (until <= Math.max(before, clock)) this.#held.delete(name)
      else this.#held.set(name, { ...promise, grace, until: Math.min(until, clock + grace) })
    }
  }

  /** An acknowledged upload of which nothing is left before its time. */
  get broken(): { did: string; cid: string } | undefined {
    for (const [name, { did, cid, until, deletions }] of this.#held) {
      if (until <= this.#world.clock || this.#deletionsOf(did) > deletions) this.#held.delete(name)
      else if (!this.heldBy(did).includes(cid)) return { did, cid }
    }
    return undefined
  }

  heldBy(did: string): string[] {
    return this.#rows('SELECT cid FROM blobstore_blob WHERE did = ? ORDER BY cid', did).map((row) => row.cid as string)
  }

  /** A reference by which a blob is shown, if there is one. */
  someReference(): Reference | undefined {
    const visible = this.#rows(`SELECT did, cid, record_uri AS uri, scope AS place FROM blobstore_ref AS ref
      WHERE did NOT IN (SELECT did FROM blobstore_account WHERE deleted_at IS NOT NULL)
      AND cid NOT IN (SELECT cid FROM blobstore_takedown)
      AND (did, scope) NOT IN (SELECT did, space FROM dropping) ORDER BY did, cid, record_uri`)
    return visible.length === 0 ? undefined : (this.#world.pick(visible) as unknown as Reference)
  }

  /** Changes whenever the record does, or something is hidden: while it is the same, the reference is good. */
  stateOf({ uri }: Reference): string {
    return JSON.stringify(this.#rows('SELECT (SELECT version FROM record WHERE uri = ?) AS v, count FROM hidings', uri))
  }

  /** What the host's records in a place show; and a state that changes whenever that may, null while it is dropped. */
  shown(did: string, place: string): { state: string | null; cids: string[] } {
    const records = this.#rows('SELECT uri, version, cids FROM record WHERE did = ? AND space = ?', did, place)
    const held = this.heldBy(did)
    const hidden = this.#rows("SELECT cid FROM blobstore_takedown WHERE did IN (?, '*') ORDER BY cid", did)
    const deleted = this.#rows('SELECT did FROM blobstore_account WHERE did = ? AND deleted_at IS NOT NULL', did)
    const dropping = this.#rows('SELECT did FROM dropping WHERE did = ? AND space = ?', did, place)
    const hidings = this.#rows('SELECT count FROM hidings')
    const changes = this.#rows('SELECT count FROM changes WHERE did = ?', did)
    const named = new Set(deleted.length > 0 ? [] : records.flatMap(({ cids = '' }) => cids.split(' ')))
    return {
      state: dropping.length > 0 ? null : JSON.stringify([records, held, hidden, deleted, hidings, changes]),
      cids: held.filter((cid) => named.has(cid) && !hidden.some((one) => one.cid === cid)),
    }
  }

  /** Whether this process is the one that drops the space now: until it says so, or dies. */
  beginDrop(did: string, space: string, process: Process): boolean {
    const name = `${did} ${space}`
    if (this.#dropping.get(name)?.alive) return false
    this.#dropping.set(name, process)
    return true
  }

  endDrop(did: string, space: string): void {
    this.#dropping.delete(`${did} ${space}`)
  }

  /** A space that is half dropped. */
  someDrop(): { did: string; space: string } | undefined {
    const all = this.#rows('SELECT did, space FROM dropping ORDER BY did, space')
    return all.length === 0 ? undefined : (this.#world.pick(all) as { did: string; space: string })
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

  #deletionsOf(did: string): number {
    return Number(this.#rows('SELECT count FROM deletions WHERE did = ?', did)[0]?.count ?? 0)
  }

  #rows(sql: string, ...values: string[]): Row[] {
    return rowsOf(this.#database, sql, ...values)
  }
}
