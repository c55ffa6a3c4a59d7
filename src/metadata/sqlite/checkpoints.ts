import { setTimeout } from 'node:timers/promises'
import type { Database, Statement } from 'better-sqlite3'
import { CheckpointThread } from './checkpoint-thread.ts'

/**
 * After how many pages of 4 KiB the log is taken into the file. Uploads touch pages all over it: with a longer log each
 * of them is written there less often. But the log keeps its space on the disk, and on one that is full all of it counts.
 */
const long = 2000

/** The part of that length that writers wait for, some milliseconds; and after which what failed is tried again. */
const few = 1 / 16

/**
 * Of that length so often, and a writer waits for the thread that is at it; and twice as often, and COMMIT takes it, which
 * holds the event loop for some 30 ms: only where the thread hangs, or readers kept it from beginning.
 */
const tooLongFor = { wait: 2, commit: 4 }

/** Rounds of taking what the last one left, under writers that add to it all the time. */
const rounds = 3

/** The longest that a writer waits, in milliseconds: a disk that hangs must not hang those who only read. */
const longestWait = 500

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
  /** As SQLite understood it: absolute, and without symbolic links. */
  readonly file: string
  readonly #length: Statement<[], LogRow>
  readonly #long: number
  /** After how many pages COMMIT took the log into the file, and will again where there is no thread. */
  readonly #formerly: number
  #thread: CheckpointThread | null = null
  #running: Promise<void> | null = null
  #nearlyDone = false
  /** A writer has waited for what is running, in vain. */
  #hangs = false
  /** What the log had when it was last looked at. */
  #known = 0
  /** With how many pages in the log it is taken next. Later where readers keep some of it, sooner after a failure. */
  #next: number
  #off = false

  constructor(database: Database, options: { long?: number } = {}) {
    this.#database = database
    const [main] = database.pragma('database_list') as [{ file: string }]
    this.file = main.file
    this.#long = options.long ?? long
    this.#next = this.#long
    // It takes nothing, and tells how long the log is.
    this.#length = database.prepare<[], LogRow>('PRAGMA wal_checkpoint(NOOP)')
    this.#formerly = Number(database.pragma('wal_autocheckpoint', { simple: true }))
    this.#takeInCommit(tooLongFor.commit * this.#long)
    const pageSize = Number(database.pragma('page_size', { simple: true }))
    // What it took beyond its length it gives back to the disk when it begins anew.
    database.pragma(`journal_size_limit = ${this.#long * pageSize}`)
  }

  /** To be called before a transaction begins. */
  async beforeTransaction(): Promise<void> {
    if (this.#running && !this.#hangs && this.#known > tooLongFor.wait * this.#long) await this.#catchUp(this.#running)
    if (!this.#nearlyDone) return
    this.#nearlyDone = false
    try {
      await this.#takeRest()
      this.#again(this.#long)
    } catch {
      this.#again(few * this.#long)
    }
  }

  /** To be called after a transaction was committed. */
  committed(): void {
    if (this.#nearlyDone || this.#off) return
    const rest = this.#rest()
    if (this.#running) return
    this.#hangs = false
    this.#next = Math.min(this.#next, rest + this.#long)
    if (rest < this.#next) return
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
      this.#thread ??= new CheckpointThread(this.file)
      for (let round = 0; round < rounds && !this.#off && this.#rest() > few * this.#long; round++)
        await this.#thread.checkpoint()
      this.#nearlyDone = true
    } catch {
      // What SQLite could not write it tries again before long. A thread that is gone stays away.
      this.#again(few * this.#long)
      if (this.#thread !== null && !this.#thread.over) return
      this.#off = true
      this.#takeInCommit(this.#formerly)
    }
  }

  /** Writers that are faster than the thread wait for it: the log would grow without end. */
  async #catchUp(running: Promise<void>): Promise<void> {
    try {
      await Promise.race([running, tooLong()])
    } catch {
      this.#hangs = true
    }
  }

  /** Under the write lock, or another process would add to the log before it begins anew. */
  async #takeRest(): Promise<void> {
    this.#database.exec('begin immediate')
    try {
      await Promise.race([this.#thread?.checkpoint(), tooLong()])
    } finally {
      this.#database.exec('rollback') // its snapshot is of the old log
    }
  }

  /** Asks next when the log has grown by so many pages. */
  #again(pages: number): void {
    this.#next = this.#rest() + pages
  }

  /**
   * Pages of the log that are not in the file yet, as far as is known: SQLite does not tell while a transaction is open,
   * and not to know must not fail what was committed.
   */
  #rest(): number {
    try {
      const { log, checkpointed } = this.#length.get() as LogRow
      this.#known = log - checkpointed
    } catch {}
    return this.#known
  }

  #takeInCommit(pages: number): void {
    this.#database.pragma(`wal_autocheckpoint = ${pages}`)
  }
}

async function tooLong(): Promise<never> {
  await setTimeout(longestWait, undefined, { ref: false })
  throw new Error(`The log was not taken into the file within ${longestWait} ms`)
}
