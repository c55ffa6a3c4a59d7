/** A request that stood still for too long. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

/**
 * How long a request is waited for. It is aborted, and its socket closed with it, when the caller's signal is, or when
 * for `wait` milliseconds nothing was heard: `heard` begins a new wait.
 */
export class Patience implements Disposable {
  readonly #controller = new AbortController()
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => this.#controller.abort(this.#signal?.reason)
  #timer: NodeJS.Timeout | undefined

  constructor(wait: number, signal: AbortSignal | undefined) {
    this.#signal = signal
    signal?.throwIfAborted()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.heard(wait)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  heard(wait: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.fail(new TimedOut(`Nothing was heard for ${wait} ms`)), wait)
  }

  /** Waits for nothing until `heard` is called again: it is the caller who takes its time. */
  rest(): void {
    clearTimeout(this.#timer)
  }

  /** Ends the request with an error of our own. */
  fail(error: unknown): void {
    this.#controller.abort(error)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}
