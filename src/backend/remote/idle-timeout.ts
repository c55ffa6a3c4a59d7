/** How long a service may be silent, in milliseconds. */
export interface Timeouts {
  /** While bytes are expected, in either direction. */
  readonly bytes: number
  /** From the last byte sent to the response. */
  readonly answer: number
}

/** A request that timed out. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

/**
 * Ends a request that makes no progress. Its signal aborts, and the socket closes, when the caller's signal aborts or
 * when the next event does not come in time: first the response.
 */
export class IdleTimeout implements Disposable {
  readonly #controller = new AbortController()
  readonly #timeouts: Timeouts
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): unknown => this.fail(this.#signal?.reason)
  #timer: NodeJS.Timeout | undefined
  #over = false

  constructor(timeouts: Timeouts, signal: AbortSignal | undefined) {
    this.#timeouts = timeouts
    this.#signal = signal
    signal?.throwIfAborted()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.awaitAnswer()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  awaitAnswer(): void {
    this.#await(this.#timeouts.answer)
  }

  /** Waits for the next bytes of a body. To be called again for each piece. */
  awaitBytes(): void {
    this.#await(this.#timeouts.bytes)
  }

  /** Stops the clock while the caller is busy. */
  pause(): void {
    clearTimeout(this.#timer)
  }

  /**
   * Ends the request and what it opened. Returns the reason it ended, which may be an earlier one that clients do not
   * report.
   */
  fail(error: unknown): unknown {
    this.#controller.abort(error)
    return this.signal.reason
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.pause()
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }

  #await(milliseconds: number): void {
    this.pause()
    if (this.#over) return // the body is still being read although its request has ended
    this.#timer = setTimeout(() => this.fail(new TimedOut(`No data was received for ${milliseconds} ms`)), milliseconds)
  }
}
