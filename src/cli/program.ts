import { Command, CommanderError, Option } from 'commander'
import { isBlobStoreError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { type Given, type Outcome, type StoreCommand, UsageError } from './command.ts'
import { check } from './commands/check.ts'
import { collect } from './commands/collect.ts'
import { exportCommand } from './commands/export.ts'
import { importCommand } from './commands/import.ts'
import { migrate } from './commands/migrate.ts'
import { scrub } from './commands/scrub.ts'
import { stats } from './commands/stats.ts'
import { sweep } from './commands/sweep.ts'
import { type Place, placeOptions, storeAt } from './place.ts'
import { Progress } from './progress.ts'
import { tableOf } from './table.ts'

const commands: readonly StoreCommand[] = [check, stats, collect, sweep, scrub, migrate, importCommand, exportCommand]

/** 0: fine. 1: it failed. 2: it was called wrongly. 3: it found problems. */
type ExitStatus = 0 | 1 | 2 | 3

/** Runs the command line with these arguments, and resolves with the exit status. */
export async function run(args: readonly string[]): Promise<ExitStatus> {
  let status: ExitStatus = 0
  const program = new Command('pds-blobstore')
    .description('Looks after the blob store of an AT Protocol PDS.')
    .addHelpText(
      'after',
      '\nEach command says more with --help. Results go to stdout, progress and warnings to stderr.\n' +
        'Exit status: 0 fine, 1 it failed, 2 it was called wrongly, 3 it found problems.',
    )
  for (const command of commands) {
    addTo(program, command, async (given) => {
      status = await execute(command, given)
    })
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    // Commander has printed what it has to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}

function addTo(
  program: Command,
  { name, summary, description, options, examples }: StoreCommand,
  act: (given: Given) => Promise<void>,
): void {
  const examplesText = examples.map(([args, what]) => `  $ pds-blobstore ${`${name} ${args}`.trim()}\n      ${what}`)
  const command = program
    .command(name)
    .summary(summary)
    .description(description)
    .exitOverride()
    .addHelpText('after', `\nExamples:\n${examplesText.join('\n')}`)
    .action(act)
  program.exitOverride()
  for (const option of options) command.addOption(option)
  command.addOption(new Option('--json', 'print the report as JSON'))
  command.optionsGroup('Where the store is:')
  for (const option of placeOptions) command.addOption(option)
}

async function execute(command: StoreCommand, given: Given): Promise<ExitStatus> {
  const progress = new Progress(process.stderr)
  const warnings: string[] = []
  const say = (text: string) => {
    progress.clear()
    process.stderr.write(`${text}\n`)
  }
  const stopping = stopOnSignal(say)
  try {
    const blobs = await storeAt(given as Place, loggerTo(say, warnings))
    try {
      const outcome = await command.run(blobs, given, { signal: stopping.signal, progress, warnings })
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
    if (error !== stopping.signal.reason) say(`Failed: ${messageOf(error)}`)
    return 1
  } finally {
    stopping.end()
  }
}

function print({ report, rows, problems }: Outcome, asJson: boolean): void {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
    return
  }
  process.stdout.write(tableOf(rows, process.stdout))
  for (const problem of problems) process.stdout.write(`! ${problem}\n`)
}

/** The first Control-C ends the work where it is safe; the second ends the process. */
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
    say(`Warning: ${message}`)
  }
  return { info() {}, warn, error: warn }
}

function messageOf(error: unknown): string {
  if (isBlobStoreError(error)) return `${error.message} (${error.code})`
  return error instanceof Error ? error.message : String(error)
}
