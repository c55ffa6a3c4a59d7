import type { FoundDimensions } from '../dimensions/header.ts'
import type { Recipe } from '../presets.ts'

// The messages between the server and a decoding process. Bytes do not go through these, but through the process's
// stdin and stdout.

/** What the process is started with, as JSON in its only argument. */
export interface WorkerSettings {
  /** What to import as sharp. */
  sharp: string
  /** The most resident memory in bytes; above it the process ends itself. */
  maxMemory: number
  maxPixels: number
}

/** To the process: an image of `size` bytes follows on stdin. */
export interface Task {
  size: number
  recipe: Recipe
  /** The kind and dimensions that the header shows. */
  shown: FoundDimensions
}

/**
 * From the process: once after its start, and once for each task.
 *
 * `made`: so many bytes follow on stdout, and the process now uses so much memory. `refused`: why the image cannot be
 * decoded; the process continues. `exceeded`: it took more than `maxMemory`; the process has ended.
 */
export type WorkerMessage =
  | { kind: 'ready' }
  | { kind: 'unusable'; reason: string }
  | { kind: 'made'; size: number; memory: number }
  | { kind: 'refused'; reason: string }
  | { kind: 'exceeded' }
