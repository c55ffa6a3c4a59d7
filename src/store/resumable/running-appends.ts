import { BlobStoreError } from '../../errors.ts'

/**
 * The appends that run in this process, one for each upload. A client that lost its connection continues on another,
 * often before the server notices the loss: the older request ends then, and what it had received is kept first.
 */
export class RunningAppends {
  readonly #running = new Map<string, { end: (reason: unknown) => void; over: Promise<void> }>()

  /** Ends an append of this upload, if one runs, and waits until its bytes are kept. */
  async end(id: string): Promise<void> {
    const running = this.#running.get(id)
    running?.end(takenOver())
    await running?.over
  }

  /** Runs an append, alone. Its signal aborts when another request continues. */
  async run<T>(id: string, append: (signal: AbortSignal) => Promise<T>): Promise<T> {
    while (this.#running.has(id)) await this.end(id)
    const controller = new AbortController()
    const appending = append(controller.signal)
    const over = appending.then(
      () => {},
      () => {},
    )
    this.#running.set(id, { end: (reason) => controller.abort(reason), over })
    try {
      return await appending
    } finally {
      this.#running.delete(id)
    }
  }
}

function takenOver(): BlobStoreError {
  return new BlobStoreError('UploadInterrupted', 'Another request continues this upload', { transient: true })
}
