import type { Figures } from '../measure/figures.ts'

/** Something that is measured. Each sample of it runs in a separate process. */
export interface Workload {
  /** The name that `--only` matches: `upload-1k-16`. */
  name: string
  title: string
  contenders: readonly string[]
  /** The kinds of run that include it. */
  when: 'always' | 'full'
  /** What a contender needs that is not installed; undefined if it has everything. @default everything */
  missing?(contender: string): string | undefined
  /** How often; fewer for what takes long. @default as many rounds as the run has */
  rounds?: number
  /**
   * Runs it, in an empty folder on a real disk, and checks the result.
   *
   * @throws if a byte, a row or a reference is wrong: then the figures mean nothing
   */
  run(contender: string, place: Place): Promise<Figures>
}

export interface Place {
  folder: string
  /** How long to measure, in seconds. */
  seconds: number
  /** The share, up to 1, of the usual numbers of blobs: small if only the bench itself is tested. */
  scale: number
}
