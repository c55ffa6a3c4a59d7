import type { Worker } from 'node:worker_threads'
import { isError } from '../../shapes.ts'
import { startThread, type ThreadSetting } from './thread.ts'

export type Ask = 'checkpoint' | 'end'

export interface Answer {
  failure: string | null
}

/** Another connection to an SQLite file, in its own thread. It does not keep the process alive. */
export class CheckpointThread {
  readonly #worker: Worker
  readonly #exit: Promise<void>
  /** The running call. */
  #call: PromiseWithResolvers<void> | null = null
  /** Why it can no longer be called, once it cannot. */
  #over: Error | null = null

  /** @throws as {@link startThread} */
  constructor(setting: ThreadSetting) {
    this.#worker = startThread('checkpoint', setting)
    this.#worker.on('message', ({ failure }: Answer) => this.#settle(failure === null ? null : new Error(failure)))
    this.#worker.on('error', (error: unknown) => this.#end(isError(error) ? error : new Error(String(error))))
    this.#exit = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#end(new Error('The thread has ended'))
        resolve()
      })
    })
  }

  get over(): boolean {
    return this.#over !== null
  }

  /**
   * Copies the log into the file, as far as readers allow. A call during a running one gets the result of that one.
   *
   * @throws SQLite's error, or the reason why the thread ended
   */
  async checkpoint(): Promise<void> {
    if (this.#over) throw this.#over
    if (this.#call) return this.#call.promise
    const call = Promise.withResolvers<void>()
    this.#call = call
    this.#worker.ref() // the caller waits
    this.#worker.postMessage('checkpoint' satisfies Ask)
    try {
      await call.promise
    } finally {
      this.#worker.unref()
    }
  }

  /** Closes its connection, after the running call. */
  async end(): Promise<void> {
    this.#worker.ref()
    this.#worker.postMessage('end' satisfies Ask)
    await this.#exit
  }

  #settle(error: Error | null): void {
    if (error === null) this.#call?.resolve()
    else this.#call?.reject(error)
    this.#call = null
  }

  #end(error: Error): void {
    this.#over ??= error
    this.#settle(this.#over)
  }
}
