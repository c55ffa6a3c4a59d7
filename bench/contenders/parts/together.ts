/** Runs together what arrives in one turn of the event loop, or while it is running. */
export class Together<T> {
  readonly #all: (some: readonly T[]) => Promise<void>
  #waiting: { one: T; resolve: () => void; reject: (error: unknown) => void }[] = []
  #busy = false

  constructor(all: (some: readonly T[]) => Promise<void>) {
    this.#all = all
  }

  add(one: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ one, resolve, reject })
      if (!this.#busy) setImmediate(() => void this.#work())
      this.#busy = true
    })
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0)
      await this.#all(some.map(({ one }) => one)).then(
        () => some.forEach(({ resolve }) => void resolve()),
        (error) => some.forEach(({ reject }) => void reject(error)),
      )
      await new Promise(setImmediate)
    }
    this.#busy = false
  }
}
