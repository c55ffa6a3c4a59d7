import { setTimeout as sleep } from 'node:timers/promises'

/** Limits the average rate of work, in bytes a second. */
export class Pace {
  readonly #bytesPerSecond: number | undefined
  readonly #started = performance.now()
  #bytes = 0

  /** @param bytesPerSecond no limit when undefined */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Waits until the rate allows so many more bytes. */
  async wait(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === undefined) return
    this.#bytes += bytes
    const ahead = (this.#bytes / this.#bytesPerSecond) * 1000 - (performance.now() - this.#started)
    if (ahead > 0) await sleep(ahead, undefined, { signal })
  }
}
