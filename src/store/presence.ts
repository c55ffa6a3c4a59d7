import { randomUUID } from 'node:crypto'
import { BlobStoreError } from '../errors.ts'
import type { Entry, ProcessNote } from '../metadata/contract/processes.ts'
import type { GivenUp } from '../metadata/contract/uploads.ts'
import type { SharedTimes } from '../metadata/shared-times.ts'
import { keepMarkers, type Parties } from './identity.ts'
import { lease } from './process-lease.ts'

/** Between two renewals, in milliseconds. Clocks may differ and timers be late, so several fit into a lease. */
const interval = 60_000

/**
 * How long uploads begin under one entry, in milliseconds. A put that comes late, under a key that was given up, is found by
 * no sweep while its entry is open.
 */
const longest = 24 * 3_600_000

/** How many keys are remembered until they can be given up; more are left to a sweep. */
const mostDoubts = 1000

export interface PresenceEvents {
  /** Called repeatedly, with the times that this process and the others have agreed on. */
  agreed: (times: SharedTimes) => void
  /** Called once a minute while the store is open, to check what others did. */
  stayed: () => Promise<void>
}

/** What goes on under an entry of this process. */
interface OpenEntry extends Entry {
  readonly since: number
  /** How many uploads may still commit under it. */
  uploads: number
  /** Keys that are given up when nothing commits under it any more. */
  doubts: GivenUp[]
  /** Whether its row is gone: this process left the entry, or another closed it. */
  closed: boolean
  /** While this process leaves it and gives keys up. */
  ending: Promise<void> | null
}

/** An upload's hold on the entry that knows its bytes: until it ends, this process does not leave the entry. */
export interface EntryHold extends Disposable {
  readonly entry: Entry
}

/**
 * Announces this process, and the backends that it knows, to the store's other processes while it has the store open. Has
 * one entry under which uploads begin, and leaves each former one when its last upload has ended.
 */
export class Presence {
  readonly #store: Parties
  readonly #times: Pick<ProcessNote, 'times' | 'defaults'>
  readonly #events: PresenceEvents
  /** The last is that of the uploads that begin now. */
  #entries: OpenEntry[] = []
  /** While it makes another entry. */
  #opening: Promise<void> | null = null
  #renewing: Promise<void> | null = null
  #left = false
  #timer: NodeJS.Timeout | undefined
  #keeping: Promise<void> | null = null

  constructor(store: Parties, times: Pick<ProcessNote, 'times' | 'defaults'>, events: PresenceEvents) {
    this.#store = store
    this.#times = times
    this.#events = events
  }

  /** For an upload that begins to store bytes. */
  hold(): EntryHold {
    const open = this.#current
    open.uploads += 1
    return {
      entry: open,
      [Symbol.dispose]: () => {
        open.uploads -= 1
        if (open !== this.#current) void this.#endFormer()
      },
    }
  }

  /**
   * Another entry for the uploads that begin from now on, if the given one is still theirs: it was closed, or is in doubt.
   *
   * @throws `StoreMismatch` if the backend was retired meanwhile
   */
  async replace(former: Entry): Promise<void> {
    if (this.#current !== former) return
    this.#opening ??= this.#open(false).finally(() => {
      this.#opening = null
    })
    await this.#opening
  }

  /**
   * Gives a key up when its entry is closed, which is when its uploads have ended: a commit of it whose answer was lost may
   * still follow until then, or the database took no tombstone. Without the entry, which is closed then, it is a sweep's.
   */
  doubt(entry: Entry, key: GivenUp): void {
    const open = this.#entries.find((one) => one === entry)
    if (!open || open.doubts.length >= mostDoubts) return
    open.doubts.push(key)
    this.replace(open).then(
      () => this.#endFormer(),
      () => {}, // tried again every minute
    )
  }

  /** @throws `StoreMismatch` */
  async enter(): Promise<void> {
    await this.#open(true)
    try {
      await keepMarkers(this.#store, 'stay')
    } catch (error) {
      await this.#store.metadata.leave(this.#current.id).catch(() => {})
      throw error
    }
    this.#timer = setInterval(() => {
      const warn = (error: unknown) => {
        this.#store.logger.warn(
          { err: error },
          'This process could not announce itself to the other processes of the store',
        )
      }
      // A database, or a backend, that hangs must not accumulate calls; nor must a backend keep the database from being
      // updated.
      this.#renewing ??= this.#renew()
        .then(this.#events.stayed)
        .catch(warn)
        .finally(() => {
          this.#renewing = null
        })
      this.#keeping ??= keepMarkers(this.#store, 'stay')
        .catch(warn)
        .finally(() => {
          this.#keeping = null
        })
    }, interval).unref()
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer)
    this.#left = true
    // If it fails, the others wait for the end of the lease, and the epoch does not grow.
    await this.#leave().catch(() => {})
  }

  async #leave(): Promise<void> {
    // What is under way would make an entry that nobody leaves.
    await Promise.allSettled([this.#opening, this.#renewing])
    for (const former of this.#entries.slice(0, -1)) await this.#end(former)
    const last = this.#current
    const others = await this.#store.metadata.leave(last.id)
    last.closed = true
    await this.#end(last)
    if (others > 0) return
    await this.#keeping // what it writes late would say that the bytes are in use
    try {
      await keepMarkers(this.#store, 'leave')
    } finally {
      await this.#store.backends.mirror?.leave()
    }
  }

  get #current(): OpenEntry {
    const current = this.#entries.at(-1)
    if (!current) throw new Error('This process has no entry yet')
    return current
  }

  async #open(opening: boolean): Promise<void> {
    if (this.#left) throw new BlobStoreError('StoreClosed', 'The blob store was closed')
    const id = randomUUID()
    const number = await this.#note(id, opening)
    const fresh = { since: performance.now(), uploads: 0, doubts: [], closed: false, ending: null }
    this.#entries.push({ id, number, ...fresh })
  }

  async #renew(): Promise<void> {
    for (const open of this.#entries.filter(({ closed }) => !closed)) {
      if (this.#left) return
      if ((await this.#note(open.id, false)) === open.number) continue
      // Another process closed it, and this made a new one, under which nobody uploads.
      open.closed = true
      await this.#store.metadata.leave(open.id)
    }
    const current = this.#current
    const isOld = performance.now() - current.since > longest
    if (!this.#left && (current.closed || current.doubts.length > 0 || isOld)) await this.replace(current)
    await this.#endFormer()
  }

  /** Leaves the entries that have no uploads any more. It may have to wait for a commit. */
  async #endFormer(): Promise<void> {
    if (this.#left) return
    await Promise.all(this.#entries.slice(0, -1).map((former) => former.uploads === 0 && this.#end(former)))
  }

  /** Leaves an entry, and then gives up what is in doubt. If it fails, the next renewal tries again. */
  #end(open: OpenEntry): Promise<void> {
    open.ending ??= this.#leaveEntry(open)
      .catch((error: unknown) => {
        this.#store.logger.warn(
          { err: error, keys: open.doubts.length },
          'What uploads that failed have stored could not be given up: this is tried again while the store is open, and else left to a sweep',
        )
      })
      .finally(() => {
        open.ending = null
      })
    return open.ending
  }

  async #leaveEntry(open: OpenEntry): Promise<void> {
    const { metadata } = this.#store
    if (!open.closed) await metadata.leave(open.id)
    open.closed = true
    for (let key = open.doubts.shift(); key; key = open.doubts.shift()) {
      try {
        await metadata.giveUp(key)
      } catch (error) {
        open.doubts.push(key) // last: one that always fails must not hold up the others
        throw error
      }
    }
    if (open !== this.#current) this.#entries = this.#entries.filter((one) => one !== open)
  }

  /** Resolves with the number of the entry. */
  async #note(id: string, opening: boolean): Promise<number> {
    const { backends, metadata } = this.#store
    const note = { id, backends: backends.names, writesTo: backends.write.name, lease, opening, ...this.#times }
    const { number, times } = await metadata.enter(note)
    this.#events.agreed(times)
    return number
  }
}
