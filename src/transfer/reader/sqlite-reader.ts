import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BlobStoreError } from '../../errors.ts'
import { programFile } from '../../programs.ts'
import type { Answer, Asked, Call, Kind, Reply } from './questions.ts'
import { isAnswer } from './shapes.ts'

/** The only variables that the process gets: no secrets, and nothing that loads code into it. */
const environment = ['PATH', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SystemRoot']

export interface SqliteReaderOptions {
  /** The program of the process. @default the package's own */
  program?: URL | undefined
  /** How long an answer may take, in milliseconds. @default 60_000 */
  deadline?: number | undefined
  /** Ends it. */
  signal?: AbortSignal | undefined
}

/** A database of the source cannot be read. The message is for a report. */
export class UnreadableDatabase extends Error {}

/**
 * Reads other programs' SQLite files, in a separate process. This process must not do it: two copies of SQLite in one
 * process drop each other's file locks (https://sqlite.org/howtocorrupt.html, section 2.2.1), and the program that has
 * the file open may be this one. A process that dies, hangs or sends invalid answers is replaced with the next
 * question.
 */
export class SqliteReader implements Disposable {
  readonly #program: URL | undefined
  readonly #deadline: number
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = () => this.close()
  #running: ReaderProcess | null = null

  constructor({ program, deadline = 60_000, signal }: SqliteReaderOptions = {}) {
    this.#program = program
    this.#deadline = deadline
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort)
  }

  /** @throws `UnreadableDatabase`; `StorageFailed` if the process cannot be started at all; the reason of the signal */
  async ask<K extends Kind>(file: string, kind: K, asked: Asked<K>): Promise<Answer<K>> {
    this.#signal?.throwIfAborted()
    if (!this.#running?.isAlive)
      this.#running = new ReaderProcess(this.#program ?? programFile('reader'), this.#deadline)
    try {
      return await this.#running.ask(file, kind, asked)
    } catch (error) {
      this.#signal?.throwIfAborted()
      throw error
    }
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#running?.end(new Error('The reader was closed'))
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

interface Waiting {
  resolve(answer: unknown): void
  reject(error: Error): void
  isAnswer(answer: unknown): boolean
  timer: NodeJS.Timeout
}

class ReaderProcess {
  readonly #child: ChildProcess
  readonly #deadline: number
  readonly #waiting = new Map<number, Waiting>()
  #ready = false
  #over: Error | null = null
  #lastId = 0

  constructor(program: URL, deadline: number) {
    this.#deadline = deadline
    this.#child = fork(fileURLToPath(program), [], {
      execArgv: [],
      env: Object.fromEntries(environment.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'json', // its output is not trusted with more
    })
    this.#child.on('message', (reply: Reply) => this.#take(reply))
    this.#child.on('error', (error) => this.end(this.#died(error.message)))
    this.#child.on('exit', (status, signal) => this.end(this.#died(`it ended with ${signal ?? `status ${status}`}`)))
  }

  get isAlive(): boolean {
    return this.#over === null
  }

  async ask<K extends Kind>(file: string, kind: K, asked: Asked<K>): Promise<Answer<K>> {
    if (this.#over) throw this.#over
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => {
      this.end(new UnreadableDatabase(`its reader gave no answer within ${this.#deadline / 1000} s`))
    }, this.#deadline)
    this.#waiting.set(id, { resolve, reject, timer, isAnswer: (answer) => isAnswer(kind, asked, answer) })
    const call = { id, file, kind, asked } as Call
    this.#child.send(call, (error) => error && this.end(this.#died(error.message)))
    return (await promise) as Answer<K>
  }

  /** At once, whatever it does: it might hang where no other signal reaches it. */
  end(error: Error): void {
    if (this.#over) return
    this.#over = error
    this.#child.kill('SIGKILL')
    this.#child.unref()
    this.#child.channel?.unref()
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(error)
    }
    this.#waiting.clear()
  }

  #take(reply: Reply): void {
    if (reply?.kind === 'ready') this.#ready = true
    else if (reply?.kind === 'unusable') this.end(this.#died(String(reply.reason)))
    else this.#settle(reply)
  }

  #settle(reply: Reply & { id: number }): void {
    const waiting = this.#waiting.get(reply?.id)
    if (!waiting) {
      this.end(new UnreadableDatabase('its reader sent an answer without a question'))
      return
    }
    if (reply.kind === 'failure') {
      this.#forget(reply.id)
      waiting.reject(new UnreadableDatabase(String(reply.reason)))
    } else if (reply.kind === 'answer' && waiting.isAnswer(reply.answer)) {
      this.#forget(reply.id)
      waiting.resolve(reply.answer)
    } else this.end(new UnreadableDatabase('its reader sent an invalid answer'))
  }

  #forget(id: number): void {
    clearTimeout(this.#waiting.get(id)?.timer)
    this.#waiting.delete(id)
  }

  /** If it was ready, it died of what it read; if not, it will not work with another file either. */
  #died(why: string): Error {
    if (this.#ready) return new UnreadableDatabase(`its reader died: ${why}`)
    const message = `The process that reads SQLite databases could not be started: ${why}`
    return new BlobStoreError('StorageFailed', message)
  }
}
