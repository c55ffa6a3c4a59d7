import { randomUUID } from 'node:crypto'
import type { Entry, ProcessNote } from '../metadata/contract/processes.ts'
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
  #number: number | null = null
  #leaves = false
  /** While it makes another entry. */
  #renewing: Promise<Entry> | null = null
  #timer: NodeJS.Timeout | undefined
  #keeping: Promise<void> | null = null

  constructor(store: Parties, times: Pick<ProcessNote, 'times' | 'defaults'>, events: PresenceEvents) {
    this.#store = store
    this.#times = times
    this.#events = events
  }

  /** What the uploads of this process begin under. */
  get entry(): Entry {
    if (this.#number === null) throw new Error('This process has no entry yet')
    return { id: this.#id, number: this.#number }
  }

  /**
   * Another entry, for an upload that cannot go on under its former one: it was closed, or is to be, because the answer of a
   * commit under it was lost. Uploads that are about to commit under it store their bytes again.
   *
   * @throws `StoreMismatch` if the backend was retired meanwhile
   */
  async renewed(former: Entry): Promise<Entry> {
    if (this.#number !== former.number) return this.entry
    this.#renewing ??= this.#note({ opening: false, leaves: true })
      .then(() => this.entry)
      .finally(() => {
        this.#renewing = null
      })
    return this.#renewing
  }

  /**
   * The next renewal makes another entry. For keys that could not be given up: while their entry is open, no sweep finds
   * them.
   */
  renewSoon(): void {
    this.#leaves = true
  }

  /** @throws `StoreMismatch` */
  async enter(): Promise<void> {
    await this.#note({ opening: true })
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
      this.#note({ opening: false }).then(this.#events.stayed).catch(warn)
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

  async #note(how: Pick<ProcessNote, 'opening' | 'leaves'>): Promise<void> {
    const { backends, metadata } = this.#store
    const note = {
      id: this.#id,
      backends: backends.names,
      writesTo: backends.write.name,
      lease,
      ...how,
      leaves: how.leaves ?? this.#leaves,
      ...this.#times,
    }
    const { number, times } = await metadata.enter(note)
    if (note.leaves) this.#leaves = false
    this.#number = number
    this.#events.agreed(times)
  }
}
