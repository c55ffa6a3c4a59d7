import { randomUUID } from 'node:crypto'
import type { ProcessNote } from '../metadata/contract/processes.ts'
import type { SharedTimes } from '../metadata/shared-times.ts'
import { keepMarkers, type Parties } from './identity.ts'
import { lease } from './process-lease.ts'

/** Between two renewals. Clocks may differ and timers be late, so several fit into a lease. */
const interval = 60_000

export interface PresenceEvents {
  /** Called repeatedly, with the times that this process and the others have agreed on. */
  agreed: (times: SharedTimes) => void
  /** Called once a minute while the store is open, to check what others did. */
  stayed: () => Promise<void>
}

/**
 * Announces this process, and the backends that it knows, to the store's other processes while it has the store open.
 */
export class Presence {
  readonly #store: Parties
  readonly #times: Pick<ProcessNote, 'times' | 'defaults'>
  readonly #events: PresenceEvents
  readonly #id = randomUUID()
  #timer: NodeJS.Timeout | undefined
  #keeping: Promise<void> | null = null

  constructor(store: Parties, times: Pick<ProcessNote, 'times' | 'defaults'>, events: PresenceEvents) {
    this.#store = store
    this.#times = times
    this.#events = events
  }

  /** @throws `StoreMismatch` */
  async enter(): Promise<void> {
    await this.#note(true)
    try {
      await keepMarkers(this.#store, 'stay')
    } catch (error) {
      await this.#store.metadata.leave(this.#id).catch(() => {})
      throw error
    }
    this.#timer = setInterval(() => {
      const warn = (error: unknown) => {
        this.#store.logger.warn(
          { err: error },
          'This process could not announce itself to the other processes of the store',
        )
      }
      this.#note(false).then(this.#events.stayed).catch(warn)
      // A backend that hangs must neither keep the database from being updated, nor accumulate calls.
      this.#keeping ??= keepMarkers(this.#store, 'stay')
        .catch(warn)
        .finally(() => {
          this.#keeping = null
        })
    }, interval).unref()
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer)
    // If it fails, the others wait for the end of the lease.
    await this.#leave().catch(() => {})
  }

  async #leave(): Promise<void> {
    const others = await this.#store.metadata.leave(this.#id)
    if (others > 0) return
    try {
      await keepMarkers(this.#store, 'leave')
    } finally {
      await this.#store.backends.mirror?.leave()
    }
  }

  async #note(opening: boolean): Promise<void> {
    const { backends, metadata } = this.#store
    const note = {
      id: this.#id,
      backends: backends.names,
      writesTo: backends.write.name,
      lease,
      opening,
      ...this.#times,
    }
    this.#events.agreed(await metadata.enter(note))
  }
}
