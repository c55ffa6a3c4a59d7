import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { isBlobStoreError } from '../../../src/index.ts'
import type { Moment, Step } from './steps.ts'

/** What a process is about to do: journaled before it begins. */
export type Deed =
  | { what: 'upload'; did: string; cid: string }
  /** A body that fails amid its bytes. */
  | { what: 'interrupt'; did: string }
  /** After it the record references exactly these blobs; `expected`: or waits for them. */
  | { what: 'write'; did: string; uri: string; cids: string[]; expected: boolean }
  | { what: 'takedown' | 'restore'; did: string; cid: string }
  | { what: 'delete' | 'reopen'; did: string }
  | { what: 'drop'; did: string; space: string }
  | { what: 'collect' | 'abandon' | 'sweep' | 'scrub' | 'read' }

export type Line =
  | ({ op: number; at: number } & Deed)
  | { op: number; ok: true }
  | { op: number; no: string; why: string }
  | { killed: Step; moment: Moment }
  /** A sweep has found these bytes. */
  | { swept: string }
  /** By the checker: everything temporary has expired and was collected. */
  | { settled: true }

export interface JournalOptions {
  /** The number of the last operation in it. */
  ops?: number
  /** Breaks the rule: an upload is acknowledged before it is stored. */
  earlyAck?: boolean
  onLine?: (line: Line) => void
}

/**
 * What a process did, as lines appended to a separate file. Written bytes survive the process, because the kernel has
 * them. An acknowledgement counts when it was journaled: what was running at a kill has no outcome, and may have
 * either.
 */
export class Journal {
  readonly #fd: number
  readonly #options: JournalOptions
  #ops: number

  constructor(file: string, options: JournalOptions = {}) {
    const torn = existsSync(file) && !/(^|\n)$/.test(readFileSync(file, 'utf8'))
    this.#fd = openSync(file, 'a')
    if (torn) writeSync(this.#fd, '\n')
    this.#options = options
    this.#ops = options.ops ?? 0
  }

  /** Runs it, and resolves with its result, or undefined when it was refused. */
  async attempt<T>(deed: Deed, run: () => Promise<T>): Promise<T | undefined> {
    this.#ops += 1
    const op = this.#ops
    this.#append({ op, at: Date.now(), ...deed })
    const early = this.#options.earlyAck === true && deed.what === 'upload'
    if (early) this.#append({ op, ok: true })
    try {
      const result = await run()
      if (!early) this.#append({ op, ok: true })
      return result
    } catch (error) {
      if (!early) this.#append({ op, no: isBlobStoreError(error) ? error.code : 'Error', why: explain(error) })
      return undefined
    }
  }

  killed(step: Step, moment: Moment): void {
    this.#append({ killed: step, moment })
  }

  swept(key: string): void {
    this.#append({ swept: key })
  }

  settled(): void {
    this.#append({ settled: true })
  }

  close(): void {
    closeSync(this.#fd)
  }

  #append(line: Line): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`)
    this.#options.onLine?.(line)
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** The lines of a journal, as they are added. `Journal` appends, so it may be emptied meanwhile. */
export class JournalReader {
  readonly #file: string
  #length = 0

  constructor(file: string) {
    this.#file = file
  }

  /** Deletes what was read. Nothing may be written meanwhile. */
  empty(): void {
    if (existsSync(this.#file)) truncateSync(this.#file)
    this.#length = 0
  }

  /** What was added since the last call. A line that a kill has truncated counts as not written. */
  read(): Line[] {
    if (!existsSync(this.#file)) return []
    const text = readFileSync(this.#file)
    const added = text.subarray(this.#length, text.lastIndexOf('\n') + 1)
    this.#length += added.byteLength
    return added
      .toString()
      .split('\n')
      .flatMap((line) => parse(line))
  }
}

function parse(line: string): Line[] {
  try {
    return [JSON.parse(line) as Line]
  } catch {
    return []
  }
}
