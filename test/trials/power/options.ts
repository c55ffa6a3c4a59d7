import type { BrokenRule } from './broken-rules.ts'
import type { FileSystem } from './volume.ts'

/** Where the database is: on the volume of the blobs, or on a separate one, whose syncs help no blob. */
export const layouts = ['together', 'apart'] as const
export type Layout = (typeof layouts)[number]

export interface Options {
  /** On each file system. */
  cycles: number
  /** Ends earlier when they are over: on each file system after its share. */
  minutes: number
  fileSystems: readonly FileSystem[]
  layouts: readonly Layout[]
  seed: string
  broken: BrokenRule | null
  /** Ends as soon as something was lost. */
  untilLost: boolean
}
