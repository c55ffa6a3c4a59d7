import type { Option } from 'commander'
import type { BlobStore } from '../blob-store.ts'
import type { Progress } from './progress.ts'
import type { Row } from './table.ts'

/** A command of the command line that works on a store. */
export interface StoreCommand {
  name: string
  purpose: Purpose
  /** One line for the list of commands. */
  summary: string
  /** For the command's own help. */
  description: string
  /** One line: what the command changes, and what it does not. */
  changes: string
  /** Its arguments besides options, each with a description. They are passed with the options, by their names. */
  arguments?: readonly (readonly [name: string, description: string])[]
  /** If `--yes` is among them, the command asks first, and says which store it will change. */
  options: readonly Option[]
  /** Whether it may create the store. A dry run then needs no store. */
  fills?: boolean
  /** Whether its result is bytes on stdout: then the report goes to stderr. */
  printsBytes?: boolean
  /** Examples of its arguments, each with its purpose. */
  examples: readonly (readonly [args: string, what: string])[]
  run(blobs: BlobStore, given: ParsedOptions, surroundings: CommandContext): Promise<Outcome>
}

/** Why people come to it: the help groups commands by this. */
export type Purpose = 'look' | 'moderate' | 'order' | 'move'

/** Options by their names in camel case, as commander returns them. */
export type ParsedOptions = Readonly<Record<string, unknown>>

export interface CommandContext {
  signal: AbortSignal
  progress: Progress
  /** The warnings of the store so far. */
  warnings: readonly string[]
  /** To be awaited before anything that cannot be undone. Asks the user, unless `--yes` was given. */
  confirm(question: string, options?: Question): Promise<void>
}

export interface Outcome {
  /** Printed with `--json`, unchanged. */
  report: object
  /** Printed without `--json`. */
  rows: readonly Row[]
  /** What the operator should check. If there are any, the exit status is 3. */
  problems: readonly string[]
  /** What else there is to know, for people: printed to stderr. @default nothing */
  notes?: readonly string[]
}

/** The command line is wrong: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Question {
  /** For what no cron job may do without `--yes`, even if it names the store. @default false */
  grave?: boolean
}
