interface Flight<T> {
  readonly result: Promise<T>
  readonly abort: AbortController
  waiting: number
}

/** Work that many ask for at once, and that is done once. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /**
   * The result of the work of that name: of the one under way, or else of `work`. A signal is its waiter's alone; the
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

  /** Ends what is under way, for all who wait, where the name is one of these. */
  abort(isOne: (name: string) => boolean, reason: unknown): void {
    for (const [name, flight] of this.#flights) if (isOne(name)) this.#end(name, flight, reason)
  }

  #start(name: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController()
    const result = work(abort.signal)
    result.catch(() => {}) // perhaps nobody waits any more
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
