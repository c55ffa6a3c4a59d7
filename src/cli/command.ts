import type { Option } from 'commander'
import type { BlobStore } from '../blob-store.ts'
import type { Progress } from './progress.ts'
import type { Row } from './table.ts'

/** One of the things that the command line does with a store. */
export interface StoreCommand {
  name: string
  purpose: Purpose
  /** For the list of commands: one line. */
  summary: string
  /** For its own help. */
  description: string
  /** What is not the same afterwards, and what is: a line. */
  changes: string
  /** What it takes besides options, each with what it is. They come with the options, by their names. */
  arguments?: readonly (readonly [name: string, description: string])[]
  /** With `--yes` among them it is one that asks, and says before which store it means. */
  options: readonly Option[]
  /** Whether it may be the first that a store is for: then a dry run needs none. */
  fills?: boolean
  /** Examples of its arguments, each with what it is for. */
  examples: readonly (readonly [args: string, what: string])[]
  run(blobs: BlobStore, given: ParsedOptions, surroundings: CommandContext): Promise<Outcome>
}

/** What people come for: the help groups commands by it. */
export type Purpose = 'look' | 'order' | 'move'

/** Options by their names in camel case, as commander gives them. */
export type ParsedOptions = Readonly<Record<string, unknown>>

export interface CommandContext {
  signal: AbortSignal
  progress: Progress
  /** What the store has warned of so far. */
  warnings: readonly string[]
  /** To be awaited before anything that cannot be undone: asks, where that is to be asked. */
  confirm(question: string, options?: Question): Promise<void>
}

export interface Outcome {
  /** Printed with `--json`, as it is. */
  report: object
  /** Printed otherwise. */
  rows: readonly Row[]
  /** What the operator should look into: the exit status is 3 when there is any. */
  problems: readonly string[]
}

/** What the user did wrong: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Question {
  /** For what no cron may do unless it was told to: then it is not enough that the store was named. @default false */
  grave?: boolean
}
