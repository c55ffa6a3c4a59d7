import { BlobStoreError } from '../../errors.ts'

/** So many at once, and so many that wait, first come, first served. */
export class Turns {
  readonly #most: number
  readonly #queue: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(most: number, queue: number) {
    this.#most = most
    this.#queue = queue
  }

  /** Resolves when it is one's turn, which `done` ends. @throws `ImagesBusy` */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#taken < this.#most) {
      this.#taken += 1
      return
    }
    if (this.#waiting.size >= this.#queue) {
      const message = `As many images as may wait (${this.#queue}) are waiting to be made; try again`
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

  /** The next one's turn. */
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
