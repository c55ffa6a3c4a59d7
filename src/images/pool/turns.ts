import { BlobStoreError } from '../../errors.ts'

/** Limits how many run at once and how many wait, first come, first served. */
export class Turns {
  readonly #most: number
  readonly #queue: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(most: number, queue: number) {
    this.#most = most
    this.#queue = queue
  }

  /** Resolves when the caller may run, until it calls `done`. @throws `ImagesBusy` */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#taken < this.#most) {
      this.#taken += 1
      return
    }
    if (this.#waiting.size >= this.#queue) {
      const message = `The queue is full: ${this.#queue} images are waiting; try again`
      throw new BlobStoreError('ImagesBusy', message, { transient: true })
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(enter)
        reject(signal.reason)
      }
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      this.#waiting.add(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** Lets the next caller run. */
  done(): void {
    const [next] = this.#waiting
    if (!next) {
      this.#taken -= 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
