import type { Figures } from '../measure/figures.ts'

/** Something to do that is measured. Each sample of it is done in a process of its own. */
export interface Workload {
  /** What `--only` looks for: `upload-1k-16`. */
  name: string
  title: string
  contenders: readonly string[]
  /** In which runs it is done. */
  when: 'always' | 'full'
  /** What is not installed that a contender needs; undefined when all is there. @default all is there */
  missing?(contender: string): string | undefined
  /** How often; fewer for what takes long. @default as many rounds as the run has */
  rounds?: number
  /**
   * Does it, in an empty folder on a real disk, and checks what came of it.
   *
   * @throws when a byte, a row or a reference is not what it should be: then the figures mean nothing
   */
  run(contender: string, place: Place): Promise<Figures>
}

export interface Place {
  folder: string
  /** For how long to measure, in seconds. */
  seconds: number
  /** The part, up to 1, of the usual numbers of blobs to do it with: little where only the bench itself is tested. */
  scale: number
}
