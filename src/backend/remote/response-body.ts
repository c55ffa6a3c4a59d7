import { UnexpectedResponse } from './errors.ts'
import type { IdleTimeout } from './idle-timeout.ts'

export interface ResponseBodyOptions {
  /** Ends when the signal of `idle` aborts. */
  body: AsyncIterable<Uint8Array>
  /** How many bytes must come. */
  length: number
  /** Owned by the body from now on: ends the request when the reading ends, or when it times out. */
  idle: IdleTimeout
  /** Turns an error of the body into the library's, or into the abort's reason. */
  explain: (error: unknown) => unknown
  /** Contains this body while it holds the connection. */
  open: Set<ResponseBody>
}

/**
 * The bytes of a response: exactly as many as announced. It is a class because `return()` of a generator waits for the
 * pending `next()`, which never settles on a dead connection.
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
        if (this.#left === 0) this.end() // a reader that knows the length makes no further call
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

  /** Releases the connection at once. If `failure` is given, the next `next` rejects with it. */
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

  /**
   * After the last byte: waits for the end of the response, so that the connection can be reused. A response that
   * continues is cut.
   */
  async #awaitEnd(): Promise<void> {
    try {
      const { done } = await this.#chunks.next()
      if (!done) this.#cut()
    } catch {}
  }

  #cut(): void {
    this.#options.idle.fail(new Error('The reading was ended'))
    void this.#chunks.return?.().catch(() => {})
  }
}
