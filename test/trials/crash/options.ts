import type { BrokenRule } from './broken-rules.ts'
import type { DatabaseKind } from './database.ts'

export interface Options {
  cycles: number
  /** Ends earlier when they are over. */
  minutes: number
  /** Continues beyond the cycles, up to three times as many, until a process was killed at every step. */
  everyStep: boolean
  seed: string
  broken: BrokenRule | null
  database: DatabaseKind
}
