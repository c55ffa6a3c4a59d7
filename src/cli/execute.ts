import { styleText } from 'node:util'
import { type BlobStoreError, type BlobStoreErrorCode, isBlobStoreError } from '../errors.ts'
import { printable } from '../printable.ts'
import { chosenPlace } from './chosen-place.ts'
import { type Outcome, type ParsedOptions, type StoreCommand, UsageError } from './command.ts'
import { confirm } from './confirm.ts'
import { yes } from './options.ts'
import { type Place, storeAt } from './place.ts'
import { Progress } from './progress.ts'
import { type StoppedStatus, Stopping } from './stopping.ts'
import { storeName } from './store-name.ts'
import { tableOf } from './table.ts'
import { Warnings } from './warnings.ts'
import { fitted } from './words.ts'

/** 0: success. 1: it failed. 2: wrong usage. 3: it found problems. 130, 143: a signal stopped it. */
export type ExitStatus = 0 | 1 | 2 | 3 | StoppedStatus

/** Runs a command on the store that the options name. */
export async function execute(
  command: StoreCommand,
  typed: ParsedOptions,
  sourceOf: (option: string) => string | undefined,
): Promise<ExitStatus> {
  const progress = new Progress({ name: command.name, stream: process.stderr, quiet: typed.quiet === true })
  const say = (text: string) => {
    progress.clear()
    process.stderr.write(`${fitted(text, process.stderr)}\n`)
  }
  using stopping = new Stopping(say)
  using warnings = new Warnings((message) => say(`${coloured('yellow', 'Warning:')} ${message}`))
  try {
    const { given, named } = chosenPlace(typed, sourceOf)
    const blobs = await storeAt(given as Place, warnings.logger, command)
    try {
      if (command.options.includes(yes) && given.quiet !== true) say(`Store: ${storeName(given as Place, blobs)}`)
      const outcome = await command.run(blobs, given, {
        signal: stopping.signal,
        progress,
        warnings: warnings.messages,
        confirm: (question, options) =>
          confirm(question, { yes: given.yes === true, named, signal: stopping.signal }, options),
      })
      progress.clear()
      print(outcome, { asJson: given.json === true, stream: command.printsBytes ? process.stderr : process.stdout })
      if (given.quiet !== true && given.json !== true) for (const note of outcome.notes ?? []) say(note)
      return stopping.status ?? (outcome.problems.length > 0 ? 3 : 0)
    } finally {
      await blobs.close()
    }
  } catch (error) {
    if (stopping.explains(error)) return stopping.status ?? 1
    const isUsage = error instanceof UsageError
    if (typed.json === true) process.stderr.write(errorAsJson(isUsage ? 'InvalidUsage' : codeOf(error), textOf(error)))
    else if (isUsage) say(error.message)
    else say(`${coloured('red', 'Failed:')} ${messageOf(error)}`)
    return isUsage ? 2 : (stopping.status ?? 1)
  }
}

/** What a failed command prints to stderr with `--json`: the code of the error, or `InvalidUsage`, and its message. */
export const errorAsJson = (error: string, message: string): string => `${JSON.stringify({ error, message })}\n`

function print({ report, rows, problems }: Outcome, { asJson, stream }: Printing): void {
  if (asJson) {
    stream.write(`${JSON.stringify(report)}\n`)
    return
  }
  stream.write(tableOf(rows, stream))
  // Never shortened, because people copy these names. They may be names that a stranger chose.
  for (const problem of problems) {
    stream.write(`${fitted(`${coloured('red', '!', stream)} ${printable(problem, 10_000)}`, stream, '  ')}\n`)
  }
}

interface Printing {
  asJson: boolean
  stream: NodeJS.WriteStream
}

const codeOf = (error: unknown): string => (isBlobStoreError(error) ? error.code : 'UnknownError')
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function messageOf(error: unknown): string {
  if (!isBlobStoreError(error)) return textOf(error)
  const advice = adviceOn(error)
  return `${error.message} (${error.code})${advice && `\n${advice}`}`
}

/** Colours, where the terminal shows them and NO_COLOR does not forbid them. */
function coloured(colour: 'red' | 'yellow', text: string, stream: NodeJS.WriteStream = process.stderr): string {
  return styleText(colour, text, { stream, validateStream: true })
}

/** What to do at the command line; the messages themselves address the host's developer. */
const advice: Partial<Record<BlobStoreErrorCode, string>> = {
  MetadataFailed: 'Is --sqlite or --postgres the database of the host, and can it be reached from here?',
  MetadataOutdated:
    'Is it the right database? If so, start the host once with this version: the command line changes no tables.',
  StorageFailed: 'Can the bytes be reached from here, by the user that runs this, with these credentials?',
  StoreMismatch: 'Give what the host has, all its backends and its database, or its --config.',
  StoreRestored:
    'Stop every process of the host, then run pds-blobstore recover: its --help says what it does. Nothing is deleted until then.',
}

/** A line, or nothing. */
function adviceOn({ code, transient }: BlobStoreError): string {
  return advice[code] ?? (transient ? 'A retry may succeed.' : '')
}
