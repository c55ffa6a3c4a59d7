import { setImmediate as turn } from 'node:timers/promises'
import type { Linger } from './linger.ts'

/** The body of a web `Request`: read by the store, and what that leaves thrown away. Not touched before either. */
export class RequestBody implements AsyncIterableIterator<Uint8Array> {
  readonly #open: () => ReadableStream<Uint8Array> | null
  #reader: ReadableStreamDefaultReader<Uint8Array> | null | undefined
  #ended = false

  constructor(open: () => ReadableStream<Uint8Array> | null) {
    this.#open = open
  }

  /** All of it has been read. */
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

  /** Leaves the body as it is: to cancel it closes the connection in most servers, before the client has seen why. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Reads on, until the client ends or leaves, the time is over, or `signal` is aborted. Never rejects. */
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
        // A promise each time: one that lives as long as this does would remember every chunk.
        await new Promise<void>((resolve, reject) => {
          wake = resolve
          this.next().then(() => resolve(), reject)
        })
        silent.refresh()
        await turn() // else a source that always has more would keep the timers from running
      }
    } catch {
      // The client is gone, or the host has read the body itself.
    } finally {
      clearTimeout(deadline)
      clearTimeout(silent)
      signal.removeEventListener('abort', stop)
    }
  }

  /** Has nothing more to do with the body, which most servers take for the end of the connection. */
  cancel(): void {
    this.#reader?.cancel().catch(() => {})
  }
}
