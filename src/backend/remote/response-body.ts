import { UnexpectedResponse } from './errors.ts'
import type { IdleTimeout } from './idle-timeout.ts'

export interface ResponseBodyOptions {
  /** Ends when the signal of `idle` is aborted. */
  body: AsyncIterable<Uint8Array>
  /** How many bytes must come. */
  length: number
  /** Its own from now on: ends the request when the reading ends, and when no byte comes for too long. */
  idle: IdleTimeout
  /** Turns an error of the body into the library's, or into the reason of an abort. */
  explain: (error: unknown) => unknown
  /** Where it enters itself for as long as it holds the connection. */
  open: Set<ResponseBody>
}

/**
 * The bytes of a response: no more and no fewer than were announced, and none after its end. A class, since `return()` of a
 * generator waits for the `next()` under way: on a connection that stands still it would wait for ever.
 */
export class ResponseBody implements AsyncIterableIterator<Uint8Array> {
  readonly #options: ResponseBodyOptions
  readonly #chunks: AsyncIterator<Uint8Array>
  #left: number
  #over = false
  #failure: { error: unknown } | undefined
  readonly #onAbort = (): void => this.end({ error: this.#options.idle.signal.reason })

  constructor(options: ResponseBodyOptions) {
    const { body, length, idle, open } = options
    this.#options = options
    this.#left = length
    this.#chunks = body[Symbol.asyncIterator]()
    open.add(this)
    idle.pause()
    idle.signal.addEventListener('abort', this.#onAbort, { once: true })
    if (idle.signal.aborted) this.#onAbort()
    else if (this.#left === 0) this.end()
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { idle } = this.#options
    while (!this.#over) {
      idle.awaitBytes()
      try {
        const { done, value } = await this.#chunks.next()
        idle.pause()
        if (this.#over) break
        if (done) {
          const message = `the response ended too early: ${this.#left} bytes are missing`
          throw new UnexpectedResponse(message, { transient: true })
        }
        this.#left -= value.byteLength
        if (this.#left < 0) throw new UnexpectedResponse('the service sends more bytes than it announced')
        if (this.#left === 0) this.end() // without waiting for the next call: who knows the length never makes it
        if (value.byteLength > 0) return { done: false, value }
      } catch (error) {
        this.end({ error })
      }
    }
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw this.#options.explain(failure.error)
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Lets go of the connection at once. With a failure, the next `next` rejects with it. */
  end(failure?: { error: unknown }): void {
    if (this.#over) return
    this.#over = true
    this.#failure = failure
    const { idle, open } = this.#options
    open.delete(this)
    idle.signal.removeEventListener('abort', this.#onAbort)
    idle[Symbol.dispose]()
    if (this.#left === 0) void this.#awaitEnd()
    else this.#cut()
  }

  /** Of a body whose bytes have all come: its end lets the connection serve again. One that goes on is cut. */
  async #awaitEnd(): Promise<void> {
    try {
      const { done } = await this.#chunks.next()
      if (!done) this.#cut()
    } catch {
      // It has ended too.
    }
  }

  #cut(): void {
    this.#options.idle.fail(new Error('The reading was ended'))
    void this.#chunks.return?.().catch(() => {})
  }
}
