import { setImmediate as turn } from 'node:timers/promises'
import type { Linger } from './linger.ts'

/** The body of a web `Request`. The store reads it, and the rest is thrown away. It is not touched before that. */
export class RequestBody implements AsyncIterableIterator<Uint8Array> {
  readonly #open: () => ReadableStream<Uint8Array> | null
  #reader: ReadableStreamDefaultReader<Uint8Array> | null | undefined
  #ended = false

  constructor(open: () => ReadableStream<Uint8Array> | null) {
    this.#open = open
  }

  /** Everything was read. */
  get ended(): boolean {
    return this.#ended
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    this.#reader ??= this.#open()?.getReader() ?? null
    const { done, value } = (await this.#reader?.read()) ?? {}
    if (value) return { done: false, value }
    this.#ended = done ?? true
    return { done: true, value: undefined }
  }

  /**
   * Leaves the body as it is: cancelling it closes the connection in most servers, before the client has seen the
   * reason.
   */
  async return(): Promise<IteratorResult<Uint8Array>> {
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Reads on, until the client ends or disconnects, the time is over, or `signal` aborts. Never rejects. */
  async discard({ total, silence }: Linger, signal: AbortSignal): Promise<void> {
    let stopped = signal.aborted
    let wake = () => {}
    const stop = () => {
      stopped = true
      wake()
    }
    const deadline = setTimeout(stop, total)
    const silent = setTimeout(stop, silence)
    signal.addEventListener('abort', stop)
    try {
      while (!this.#ended && !stopped) {
        // A new promise each time: one that lives through the whole loop would remember every chunk.
        await new Promise<void>((resolve, reject) => {
          wake = resolve
          this.next().then(() => resolve(), reject)
        })
        silent.refresh()
        await turn() // otherwise a source that always has more would keep the timers from running
      }
    } catch {
      // The client is gone, or the host has read the body itself.
    } finally {
      clearTimeout(deadline)
      clearTimeout(silent)
      signal.removeEventListener('abort', stop)
    }
  }

  /** Gives up the body, for which most servers close the connection. */
  cancel(): void {
    this.#reader?.cancel().catch(() => {})
  }
}
