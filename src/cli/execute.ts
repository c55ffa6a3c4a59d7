import { styleText } from 'node:util'
import { type BlobStoreError, type BlobStoreErrorCode, isBlobStoreError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { printable } from '../printable.ts'
import { chosenPlace } from './chosen-place.ts'
import { type Outcome, type ParsedOptions, type StoreCommand, UsageError } from './command.ts'
import { confirm } from './confirm.ts'
import { yes } from './options.ts'
import { type Place, storeAt } from './place.ts'
import { Progress } from './progress.ts'
import { storeName } from './store-name.ts'
import { tableOf } from './table.ts'

/** 0: success. 1: it failed, or was stopped. 2: wrong usage. 3: it found problems. */
export type ExitStatus = 0 | 1 | 2 | 3

/** Runs a command on the store that the options name. */
export async function execute(
  command: StoreCommand,
  typed: ParsedOptions,
  sourceOf: (option: string) => string | undefined,
): Promise<ExitStatus> {
  const progress = new Progress({ name: command.name, stream: process.stderr, quiet: typed.quiet === true })
  const warnings: string[] = []
  const say = (text: string) => {
    progress.clear()
    process.stderr.write(`${text}\n`)
  }
  const stopping = stopOnSignal(say)
  try {
    const { given, named } = chosenPlace(typed, sourceOf)
    const blobs = await storeAt(given as Place, loggerTo(say, warnings), command)
    try {
      if (command.options.includes(yes) && given.quiet !== true) say(`Store: ${storeName(given as Place, blobs)}`)
      const outcome = await command.run(blobs, given, {
        signal: stopping.signal,
        progress,
        warnings,
        confirm: (question, options) => confirm(question, { yes: given.yes === true, named }, options),
      })
      progress.clear()
      print(outcome, given.json === true)
      return outcome.problems.length > 0 ? 3 : 0
    } finally {
      await blobs.close()
    }
  } catch (error) {
    if (error instanceof UsageError) {
      say(error.message)
      return 2
    }
    if (error !== stopping.signal.reason) say(`${coloured('red', 'Failed:')} ${messageOf(error)}`)
    return 1
  } finally {
    stopping.end()
  }
}

function print({ report, rows, problems }: Outcome, asJson: boolean): void {
  const { stdout } = process
  if (asJson) {
    stdout.write(`${JSON.stringify(report)}\n`)
    return
  }
  stdout.write(tableOf(rows, stdout))
  // Never shortened, because people copy these names. They may be names that a stranger chose.
  for (const problem of problems) {
    stdout.write(`${coloured('red', '!', stdout)} ${printable(problem, 10_000)}\n`)
  }
}

/** The first Control-C stops the work at a safe point; the second ends the process. */
function stopOnSignal(say: (text: string) => void): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController()
  const stop = () => {
    say('Stopping. What was done stays done.')
    controller.abort(new Error('stopped'))
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop)
  const end = () => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop)
  }
  return { signal: controller.signal, end }
}

function loggerTo(say: (text: string) => void, warnings: string[]): Logger {
  const warn = (_details: object, message: string) => {
    warnings.push(message)
    say(`${coloured('yellow', 'Warning:')} ${message}`)
  }
  return { info() {}, warn, error: warn }
}

function messageOf(error: unknown): string {
  if (!isBlobStoreError(error)) return error instanceof Error ? error.message : String(error)
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
