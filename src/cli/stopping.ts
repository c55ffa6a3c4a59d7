/** The exit status of a command that a signal stopped, as shells count it: 128 and the number of the signal. */
const statuses = { SIGINT: 130, SIGTERM: 143 } as const
type StopSignal = keyof typeof statuses
const signals = Object.keys(statuses) as StopSignal[]

export type StoppedStatus = (typeof statuses)[StopSignal]

/** The first Control-C stops the work at a safe point; the second ends the process. */
export class Stopping implements Disposable {
  readonly #controller = new AbortController()
  readonly #say: (text: string) => void
  #by: StopSignal | undefined

  constructor(say: (text: string) => void) {
    this.#say = say
    for (const name of signals) process.once(name, this.#stop)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Undefined if nothing stopped the command. */
  get status(): StoppedStatus | undefined {
    return this.#by && statuses[this.#by]
  }

  /** Whether the error only says that the command was stopped, in the words of whatever the signal reached. */
  explains(error: unknown): boolean {
    if (this.#by === undefined) return false
    const { name, cause } = (error ?? {}) as { name?: unknown; cause?: unknown }
    return error === this.signal.reason || cause === this.signal.reason || name === 'AbortError'
  }

  readonly #stop = (name: StopSignal): void => {
    // A second signal of any kind ends the process, as if nobody listened.
    for (const each of signals) process.off(each, this.#stop)
    this.#by = name
    this.#say('Stopping. What was done stays done.')
    this.#controller.abort(new Error('stopped'))
  };

  [Symbol.dispose](): void {
    for (const name of signals) process.off(name, this.#stop)
  }
}
