import { setTimeout } from 'node:timers/promises'
import type { Database, Statement } from 'better-sqlite3'
import { isError } from '../../shapes.ts'
import { CheckpointThread } from './checkpoint-thread.ts'
import { type ThreadSetting, threadSetting } from './thread.ts'

/**
 * After how many pages of 4 KiB the log is copied into the file. Uploads touch pages all over the file: with a longer
 * log each page is written there less often. But the log keeps its space on the disk, and on a full disk all of it
 * counts.
 */
const long = 2000

/**
 * The fraction of that length that writers wait for, which takes some milliseconds; and after which a failed checkpoint
 * is tried again.
 */
const few = 1 / 16

/**
 * At this multiple of that length (`wait`) a writer waits for a running thread. At this one (`commit`) COMMIT itself
 * copies it, which blocks the event loop for some 30 ms: only if the thread hangs, or readers kept it from beginning.
 */
const tooLongFor = { wait: 2, commit: 4 }

/** How often the thread copies what the round before left, while writers add to the log. */
const rounds = 3

/** The longest that a writer waits, in milliseconds: a disk that hangs must not block readers. */
const longestWait = 500

interface LogRow {
  log: number
  checkpointed: number
}

/**
 * Copies the write-ahead log of an SQLite file into the file: thousands of scattered writes and two syncs. SQLite would
 * do it inside COMMIT, and block the event loop; here a thread does it, while writers continue. The log starts from its
 * beginning only when all of it is in the file; so the first transaction after the thread has nearly caught up waits
 * for the rest, and delays only the transactions after it.
 */
export class Checkpoints {
  readonly #database: Database
  /** For threads on the same file. */
  readonly setting: ThreadSetting
  readonly #length: Statement<[], LogRow>
  readonly #long: number
  /** After how many pages COMMIT copied the log before, and will again without a thread. */
  readonly #formerly: number
  #thread: CheckpointThread | null = null
  #running: Promise<void> | null = null
  #nearlyDone = false
  /** A writer has waited for the running call until the timeout. */
  #hangs = false
  /** The last known length of the log. */
  #known = 0
  /** The length of the log at which it is copied next. Later if readers keep some of it, sooner after a failure. */
  #next: number
  #off = false

  constructor(database: Database, options: { long?: number } = {}) {
    this.#database = database
    this.setting = threadSetting(database)
    this.#long = options.long ?? long
    this.#next = this.#long
    // Copies nothing, and returns the length of the log.
    this.#length = database.prepare<[], LogRow>('PRAGMA wal_checkpoint(NOOP)')
    this.#formerly = Number(database.pragma('wal_autocheckpoint', { simple: true }))
    this.#takeInCommit(tooLongFor.commit * this.#long)
    const pageSize = Number(database.pragma('page_size', { simple: true }))
    // What the log grew beyond its length is given back to the disk when it starts again.
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
      this.#thread ??= new CheckpointThread(this.setting)
      for (let round = 0; round < rounds && !this.#off && this.#rest() > few * this.#long; round++)
        await this.#thread.checkpoint()
      this.#nearlyDone = true
    } catch (error) {
      // What SQLite could not write is tried again soon. A thread that has ended is not restarted.
      this.#again(few * this.#long)
      if (this.#thread !== null && !this.#thread.over) return
      this.#off = true
      if (this.#thread === null) warnOfSlowCommits(error)
      this.#takeInCommit(this.#formerly)
    }
  }

  /** Writers that are faster than the thread wait for it: otherwise the log would grow without end. */
  async #catchUp(running: Promise<void>): Promise<void> {
    try {
      await Promise.race([running, tooLong()])
    } catch {
      this.#hangs = true
    }
  }

  /** Under the write lock, or another process would add to the log before it starts again. */
  async #takeRest(): Promise<void> {
    this.#database.exec('begin immediate')
    try {
      await Promise.race([this.#thread?.checkpoint(), tooLong()])
    } finally {
      this.#database.exec('rollback') // its snapshot is of the old log
    }
  }

  /** Continues when the log has grown by so many pages. */
  #again(pages: number): void {
    this.#next = this.#rest() + pages
  }

  /**
   * Pages of the log that are not in the file yet, as far as known: SQLite does not report it while a transaction is
   * open, and that must not fail what was committed.
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

/** As a warning of the process, because the store works: it only blocks the event loop now and then. */
function warnOfSlowCommits(error: unknown): void {
  const why = isError(error) ? error.message : String(error)
  const text = `The thread that copies SQLite’s log does not start, so commits copy it, and block the event loop: ${why}`
  process.emitWarning(text, { code: 'PDS_BLOBSTORE' })
}

async function tooLong(): Promise<never> {
  await setTimeout(longestWait, undefined, { ref: false })
  throw new Error(`The log was not copied into the file within ${longestWait} ms`)
}
