interface Flight<Name, T> {
  readonly name: Name
  readonly result: Promise<T>
  readonly abort: AbortController
  waiting: number
}

/** Work that many callers request at once, and that is done once. */
export class SingleFlight<Name, T> {
  readonly #idOf: (name: Name) => string
  readonly #flights = new Map<string, Flight<Name, T>>()

  /** Two names are the same if `idOf` returns the same for them. */
  constructor(idOf: (name: Name) => string) {
    this.#idOf = idOf
  }

  /**
   * The result of the work of that name: of the running one, otherwise of `work`. A signal is that of one caller; the
   * work is aborted when the last of them has left.
   */
  async run(name: Name, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const flight = this.#flights.get(this.#idOf(name)) ?? this.#start(name, work)
    flight.waiting += 1
    try {
      return await unlessAborted(flight.result, signal)
    } finally {
      flight.waiting -= 1
      if (flight.waiting === 0) this.#end(flight, signal?.reason)
    }
  }

  /** Aborts the running work with a matching name, for all callers that wait. */
  abort(isOne: (name: Name) => boolean, reason: unknown): void {
    for (const flight of this.#flights.values()) if (isOne(flight.name)) this.#end(flight, reason)
  }

  #start(name: Name, work: (signal: AbortSignal) => Promise<T>): Flight<Name, T> {
    const abort = new AbortController()
    const result = work(abort.signal)
    result.catch(() => {}) // perhaps no caller waits any more
    const flight: Flight<Name, T> = { name, result, abort, waiting: 0 }
    this.#flights.set(this.#idOf(name), flight)
    return flight
  }

  #end(flight: Flight<Name, T>, reason: unknown): void {
    const id = this.#idOf(flight.name)
    if (this.#flights.get(id) === flight) this.#flights.delete(id)
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
