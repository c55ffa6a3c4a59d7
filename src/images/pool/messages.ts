import type { FoundDimensions } from '../dimensions/header.ts'
import type { Recipe } from '../presets.ts'

// What the server and a decoding process say to each other. Bytes go past these, through the process's stdin and stdout.

/** What the process is started with, as JSON in its one argument. */
export interface WorkerSettings {
  /** What to import as sharp. */
  sharp: string
  /** In bytes of resident memory; above it the process ends itself. */
  maxMemory: number
  maxPixels: number
}

/** To the process: an image of `size` bytes follows on stdin. */
export interface Task {
  size: number
  recipe: Recipe
  /** What its header says that it is shown as. */
  shown: FoundDimensions
}

/**
 * From the process: once after its start, and once for each task.
 *
 * `made`: so many bytes follow on stdout, and so much memory the process has now. `refused`: why the image cannot be
 * decoded; the process goes on. `exceeded`: it took more than `maxMemory`; the process is over.
 */
export type WorkerMessage =
  | { kind: 'ready' }
  | { kind: 'unusable'; reason: string }
  | { kind: 'made'; size: number; memory: number }
  | { kind: 'refused'; reason: string }
  | { kind: 'exceeded' }
