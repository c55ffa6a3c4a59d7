import type { CallOptions } from '../backend/backend.ts'

export interface SweepOptions extends CallOptions {
  /** Goes on when more than a tenth of the keys are orphans. @default false */
  force?: boolean | undefined
  /** Called after each page with what was found so far. */
  onProgress?: ((report: SweepReport) => void) | undefined
}

export interface SweepReport {
  /** Keys seen in the backends. */
  keys: number
  /** Of those, keys that no row knew. */
  orphans: number
  /** Whether the brake stopped it: more than a tenth would have gone, and nothing was doomed. */
  stopped: boolean
  /** Spools left by dead processes, deleted. */
  spools: number
}
