import type { Database, Statement } from 'better-sqlite3'
import { CheckpointThread } from './checkpoint-thread.ts'

/**
 * After how many pages of 4 KiB the log is taken into the file. Uploads touch pages all over it: with a longer log each
 * of them is written there less often. But the log keeps its space on the disk, and on one that is full all of it counts.
 */
const long = 2000

/** The part of that length that writers wait for: some milliseconds. */
const few = 1 / 16

/** Rounds of taking what the last one left, under writers that add to it all the time. */
const rounds = 3

interface LogRow {
  log: number
  checkpointed: number
}

/**
 * Takes the log of an SQLite file into the file: thousands of scattered writes and two syncs. SQLite does it inside COMMIT,
 * and would hold the event loop; here a thread does it, while writers go on. The log begins anew only once all of it is in
 * the file; so the first transaction after the thread has nearly caught up waits for the rest, and holds up no more than
 * those after it.
 */
export class Checkpoints {
  readonly #database: Database
  readonly #file: string
  readonly #length: Statement<[], LogRow>
  readonly #long: number
  /** After how many pages COMMIT took the log into the file, and will again where there is no thread. */
  readonly #formerly: number
  #thread: CheckpointThread | null = null
  #running: Promise<void> | null = null
  #nearlyDone = false
  /** What readers kept in the log the last time. */
  #left = 0
  #off = false

  constructor(database: Database, file: string, options: { long?: number } = {}) {
    this.#database = database
    this.#file = file
    this.#long = options.long ?? long
    // It takes nothing, and tells how long the log is.
    this.#length = database.prepare<[], LogRow>('PRAGMA wal_checkpoint(NOOP)')
    this.#formerly = Number(database.pragma('wal_autocheckpoint', { simple: true }))
    this.#takeInCommit(4 * this.#long) // should the thread not keep up
  }

  /** To be called before a transaction begins. */
  async beforeTransaction(): Promise<void> {
    if (!this.#nearlyDone) return
    this.#nearlyDone = false
    await this.#thread?.checkpoint().catch(() => {})
    this.#left = this.#rest()
  }

  /** To be called after a transaction was committed. */
  committed(): void {
    if (this.#running || this.#nearlyDone || this.#off) return
    const rest = this.#rest()
    this.#left = Math.min(this.#left, rest)
    if (rest - this.#left < this.#long) return
    this.#running = this.#take().finally(() => {
      this.#running = null
    })
  }

  async close(): Promise<void> {
    this.#off = true
    await this.#running
    await this.#thread?.end()
  }

  async #take(): Promise<void> {
    try {
      this.#thread ??= new CheckpointThread(this.#file)
      for (let round = 0; round < rounds && this.#rest() > few * this.#long; round++) await this.#thread.checkpoint()
      this.#nearlyDone = true
    } catch {
      // What SQLite could not write it tries again later. A thread that is gone stays away.
      this.#left = this.#rest()
      if (this.#thread !== null && !this.#thread.over) return
      this.#off = true
      this.#takeInCommit(this.#formerly)
    }
  }

  /** Pages of the log that are not in the file yet, as far as is known: not to know must not fail what was committed. */
  #rest(): number {
    try {
      const { log, checkpointed } = this.#length.get() as LogRow
      return log - checkpointed
    } catch {
      return 0
    }
  }

  #takeInCommit(pages: number): void {
    this.#database.pragma(`wal_autocheckpoint = ${pages}`)
  }
}
