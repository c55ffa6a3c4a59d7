// The part of the metadata's contract by which processes know of each other: one must not put bytes where another, that
// serves them too, does not look.

export interface ProcessSteps {
  /**
   * Notes that a process has the store open, for `lease` milliseconds; called again, notes it anew.
   *
   * @throws `StoreMismatch` when there are bytes in a backend that it was not given, or when it writes to one in which
   * there are none yet and which another process, open now, was not given
   */
  enter(process: ProcessNote): Promise<void>
  /** The process closes the store. */
  leave(id: string): Promise<void>
  /** What still keeps a backend in use. When that is nothing, forgets that it ever was: it may be given no more. */
  retireBackend(name: string): Promise<BackendUse>
}

export interface ProcessNote {
  id: string
  backends: readonly string[]
  writesTo: string
  lease: number
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
