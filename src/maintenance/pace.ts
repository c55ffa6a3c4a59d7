import { setTimeout as sleep } from 'node:timers/promises'

/** Keeps work on many bytes at a rate, on the average. */
export class Pace {
  readonly #bytesPerSecond: number | undefined
  readonly #started = performance.now()
  #bytes = 0

  /** @param bytesPerSecond as fast as it can when undefined */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Waits until so many more bytes are in time. */
  async wait(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === undefined) return
    this.#bytes += bytes
    const ahead = (this.#bytes / this.#bytesPerSecond) * 1000 - (performance.now() - this.#started)
    if (ahead > 0) await sleep(ahead, undefined, { signal })
  }
}
