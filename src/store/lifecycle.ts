import { BlobStoreError } from '../errors.ts'
import type { StoreContext } from './context.ts'

/** Opens a store when it is first needed, lets operations run while it is open, and closes it behind the last. */
export class Lifecycle {
  readonly #open: () => Promise<StoreContext>
  #opening: Promise<StoreContext> | null = null
  #closing: Promise<void> | null = null
  readonly #running = new Set<Promise<unknown>>()

  constructor(open: () => Promise<StoreContext>) {
    this.#open = open
  }

  /** Runs an operation on the open store. What kept it from opening may be over at the next call. */
  async run<T>(operation: (store: StoreContext) => Promise<T>): Promise<T> {
    if (this.#closing) throw new BlobStoreError('StoreClosed', 'The blob store was closed')
    const running = this.#opened().then(operation)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #opened(): Promise<StoreContext> {
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#running)
    const store = await this.#opening?.catch(() => null)
    if (!store) return
    await store.presence.leave()
    await store.metadata.close()
    await store.backends.close()
  }
}
