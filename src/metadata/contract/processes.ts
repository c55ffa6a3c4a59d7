import type { SharedTimes } from '../shared-times.ts'

/** Processes know of each other, so that none stores bytes where another one, which serves them too, does not look. */
export interface ProcessSteps {
  /**
   * Notes that a process has the store open, for `lease` milliseconds; called again, notes it anew. Others of which the database
   * says that they have it open for longer than that have told so by a clock that ran ahead: they have it for `lease` from now,
   * in which those that live tell again. That stays where this one is refused. Resolves with the
   * longest times by which something is deleted that any open process was given; where none was given one, with the
   * last that the store had.
   *
   * @throws `StoreMismatch` when there are bytes in a backend that it was not given, when it writes to one in which there
   * are none yet and which another process, open now, was not given, or to one that was retired since it opened the store
   */
  enter(process: ProcessNote): Promise<SharedTimes>
  /** The process closes the store. Resolves with how many others have it open. */
  leave(id: string): Promise<number>
  /** What still keeps a backend in use. When that is nothing, forgets that it ever was: it may be given no more. */
  retireBackend(name: string): Promise<BackendUse>
}

export interface ProcessNote {
  id: string
  backends: readonly string[]
  writesTo: string
  lease: number
  /** Whether it opens the store. Later it may only say that it is still there: what was retired meanwhile stays so. */
  opening: boolean
  /** What it was given; what it has by default it leaves to others. */
  times: SharedTimes
  /** What it has of them while nobody was given any. */
  defaults: SharedTimes
}

export interface BackendUse {
  /** Whether live bytes are in it. */
  content: boolean
  /** Whether uploads to it are under way, or died and are not collected. */
  uploads: boolean
  /** Whether bytes in it wait for their deletion. */
  doomed: boolean
  /** How many open processes write to it. */
  writers: number
}
