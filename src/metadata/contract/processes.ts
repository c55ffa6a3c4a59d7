import type { SharedTimes } from '../shared-times.ts'

/** Processes know of each other, so that none stores bytes where another process of the store does not look. */
export interface ProcessSteps {
  /**
   * Makes the entry of a process that has the store open, for `lease` milliseconds; a further call renews it, or makes one
   * with another number, if it was closed because the lease was over. If another process seems to have the store open for
   * longer than that, it wrote its entry while the clock ran ahead: its entry is shortened to `lease` from now, in which
   * living processes renew theirs. That correction stays even if this process is refused.
   * Resolves with its number; and with the longest deletion times that any open process was given, or, if none was given
   * any, the last ones that the store had.
   *
   * @throws `StoreMismatch` if there are bytes in a backend that this process was not given; or if it writes to a
   * backend that is still empty and that another open process was not given, or that was retired since this process
   * opened the store
   */
  enter(process: ProcessNote): Promise<{ number: number; times: SharedTimes }>
  /** Closes an entry, after commits that are running under it. Resolves with how many others are open. */
  leave(id: string): Promise<number>
  /**
   * Closes the entries whose lease is over, so that a sweep finds what they left. Passes over one under which a commit is
   * running: it may hang.
   */
  closeEntries(): Promise<void>
  /**
   * What still keeps a backend in use. If nothing does, forgets that it was ever used: processes need no longer be
   * given it.
   */
  retireBackend(name: string): Promise<BackendUse>
}

/**
 * A process's row; it may have several, one after the other. While it is there, bytes under keys with its number count as
 * known, and may be committed. Once it is closed, no entry has the number again.
 */
export interface Entry {
  readonly id: string
  readonly number: number
}

export interface ProcessNote {
  /** The entry's. */
  id: string
  backends: readonly string[]
  writesTo: string
  lease: number
  /** Whether it opens the store. Later it may only renew its entry: what was retired meanwhile stays retired. */
  opening: boolean
  /** The times that it was given; it does not impose its defaults on others. */
  times: SharedTimes
  /** Its defaults, used while no process was given any. */
  defaults: SharedTimes
}

export interface BackendUse {
  /** Whether it has live bytes. */
  content: boolean
  /** Whether uploads to it are running, or died and are not collected. */
  uploads: boolean
  /** Whether bytes in it wait for deletion. */
  doomed: boolean
  /** How many open processes write to it. */
  writers: number
}
