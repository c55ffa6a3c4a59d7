/** How long a service may keep silent, in milliseconds. */
export interface Timeouts {
  /** While bytes are due, in either direction. */
  readonly bytes: number
  /** From the last byte sent to the answer. */
  readonly answer: number
}

/** A request that stood still for too long. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

/**
 * Ends a request that stands still. Its signal is aborted, and the socket closed with it, when the caller's is, or when
 * what is awaited does not come in time: first an answer.
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

  /** The next byte of a body. To be called again for each piece. */
  awaitBytes(): void {
    this.#await(this.#timeouts.bytes)
  }

  /** Awaits nothing: it is the caller who takes its time. */
  pause(): void {
    clearTimeout(this.#timer)
  }

  /** Ends the request, and what it has opened. Gives why it ended, which may be another reason: of that clients know nothing. */
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
    if (this.#over) return // of a body that is read on although its request has ended
    this.#timer = setTimeout(() => this.fail(new TimedOut(`Nothing was heard for ${milliseconds} ms`)), milliseconds)
  }
}
