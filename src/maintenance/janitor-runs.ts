/** The last run of a job of the janitor. */
export interface JanitorRun {
  /** When it ended, by the clock of this process. */
  endedAt: Date
  /** Why it failed; null if it did not. */
  error: string | null
}

export type JanitorRuns = Readonly<Record<'collect' | 'sweep' | 'mirror', JanitorRun | null>>
