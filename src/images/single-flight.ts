interface Flight<T> {
  readonly result: Promise<T>
  readonly abort: AbortController
  waiting: number
}

/** Runs work once that several callers request at the same time. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /**
   * The result of the work of that name: of the running one, otherwise of `work`. A signal is that of one caller; the
   * work is aborted when the last of them has left.
   */
  async run(name: string, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const flight = this.#flights.get(name) ?? this.#start(name, work)
    flight.waiting += 1
    try {
      return await unlessAborted(flight.result, signal)
    } finally {
      flight.waiting -= 1
      if (flight.waiting === 0) this.#end(name, flight, signal?.reason)
    }
  }

  /** Ends the running work with these names, for all callers. */
  abort(isOne: (name: string) => boolean, reason: unknown): void {
    for (const [name, flight] of this.#flights) if (isOne(name)) this.#end(name, flight, reason)
  }

  #start(name: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController()
    const result = work(abort.signal)
    result.catch(() => {}) // perhaps no caller waits any more
    const flight: Flight<T> = { result, abort, waiting: 0 }
    this.#flights.set(name, flight)
    return flight
  }

  #end(name: string, flight: Flight<T>, reason: unknown): void {
    if (this.#flights.get(name) === flight) this.#flights.delete(name)
    flight.abort.abort(reason)
  }
}

function unlessAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return result
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
