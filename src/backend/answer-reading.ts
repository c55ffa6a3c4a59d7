import type { Patience } from './patience.ts'

/** The answer ended before all that it announced. */
export class TooFewBytes extends Error {
  override readonly name = 'TooFewBytes'
}

export class TooManyBytes extends Error {
  override readonly name = 'TooManyBytes'
}

export interface AnswerReadingOptions {
  /** Ends when the patience's signal is aborted. */
  body: AsyncIterable<Uint8Array>
  /** How many bytes must come. */
  length: number
  /** Ends the request when the reading ends, and when no byte comes for `timeout` milliseconds. */
  patience: Patience
  timeout: number
  /** Turns an error of the body into the library's, or into the reason of an abort. */
  explain: (error: unknown) => unknown
  /** Where it enters itself for as long as it holds the connection. */
  readings: Set<AnswerReading>
}

/**
 * The bytes of an answer: no more and no fewer than were announced, and none after its end. A class, since `return()` of a
 * generator waits for the `next()` under way: on a connection that stands still it would wait for ever.
 */
export class AnswerReading implements AsyncIterableIterator<Uint8Array> {
  readonly #options: AnswerReadingOptions
  readonly #chunks: AsyncIterator<Uint8Array>
  #left: number
  #over = false
  #failure: { error: unknown } | undefined
  readonly #onAbort = (): void => this.end({ error: this.#options.patience.signal.reason })

  constructor(options: AnswerReadingOptions) {
    this.#options = options
    this.#left = options.length
    this.#chunks = options.body[Symbol.asyncIterator]()
    const { readings, patience } = options
    readings.add(this)
    patience.rest()
    patience.signal.addEventListener('abort', this.#onAbort, { once: true })
    if (patience.signal.aborted) this.#onAbort()
    else if (this.#left === 0) this.end()
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { patience, timeout } = this.#options
    while (!this.#over) {
      patience.heard(timeout)
      try {
        const { done, value } = await this.#chunks.next()
        patience.rest()
        if (this.#over) break
        if (done) throw new TooFewBytes(`${this.#left} bytes are missing`)
        this.#left -= value.byteLength
        if (this.#left < 0) throw new TooManyBytes('more bytes come than were announced')
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
    const { patience, readings } = this.#options
    readings.delete(this)
    patience.signal.removeEventListener('abort', this.#onAbort)
    patience[Symbol.dispose]()
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
    this.#options.patience.fail(new Error('The reading was ended'))
    void this.#chunks.return?.().catch(() => {})
  }
}
