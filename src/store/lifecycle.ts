import { untilAborted } from '../backend/until-aborted.ts'
import { BlobStoreError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { StoreContext } from './context.ts'

/**
 * How long closing waits for running calls, and then for the backends to close, in milliseconds each: as long as one
 * deletion may take. So a backend that never answers does not keep a process alive for ever.
 */
const closeTimeout = 5 * 60_000

/** Opens a store when it is first needed, runs operations while it is open, and closes it after the last. */
export class Lifecycle {
  readonly #open: () => Promise<StoreContext>
  readonly #logger: Logger
  #opening: Promise<StoreContext> | null = null
  #store: StoreContext | null = null
  #closing: Promise<void> | null = null
  /** By their names. */
  readonly #running = new Map<Promise<unknown>, string>()

  constructor(open: () => Promise<StoreContext>, logger: Logger) {
    this.#open = open
    this.#logger = logger
  }

  /** Runs an operation on the open store. If opening fails, the next call tries again. */
  async run<T>(name: string, operation: (store: StoreContext) => Promise<T>): Promise<T> {
    if (this.#closing) throw new BlobStoreError('StoreClosed', 'The blob store was closed')
    const running = this.#opened().then(operation)
    this.#running.set(running, name)
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
    this.#opening ??= this.#open().then(
      (store) => {
        this.#store = store
        return store
      },
      (error) => {
        this.#opening = null
        throw error
      },
    )
    return this.#opening
  }

  async #close(): Promise<void> {
    if (!(await inTime(Promise.allSettled(this.#running.keys())))) {
      const calls = [...Map.groupBy(this.#running.values(), (name) => name)]
      this.#logger.error(
        { underWay: Object.fromEntries(calls.map(([name, all]) => [name, all.length])), opened: this.#store !== null },
        `Calls are still running ${closeTimeout / 1000} seconds after the store was told to close, perhaps because a backend never answers; it ` +
          'is closed anyway',
      )
    }
    if (this.#store) await this.#shut(this.#store)
    // If the opening itself hangs, there is nothing to close until it ends, if ever.
    else void this.#opening?.then((store) => this.#shut(store)).catch(() => {})
  }

  async #shut(store: StoreContext): Promise<void> {
    // The last process writes to the backends as it leaves; if that fails, the others wait for the end of its lease.
    const left = await inTime(store.presence.leave())
    let closed = false
    try {
      await store.metadata.close()
    } finally {
      closed = await inTime(store.backends.close())
    }
    if (left && closed) return
    this.#logger.error(
      { backends: store.backends.names },
      `A backend has not answered within ${closeTimeout / 1000} seconds while the store closed; it is abandoned`,
    )
  }
}

/** Whether the work has settled in time. @throws what it rejects with */
async function inTime(work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), closeTimeout)
  try {
    await untilAborted(work, over.signal)
    return true
  } catch (error) {
    if (over.signal.aborted && error === over.signal.reason) return false
    throw error
  } finally {
    clearTimeout(timer)
  }
}
