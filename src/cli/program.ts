import { Command, CommanderError, Option } from 'commander'
import type { ParsedOptions, StoreCommand } from './command.ts'
import { backup } from './commands/backup.ts'
import { check } from './commands/check.ts'
import { collect } from './commands/collect.ts'
import { exportCommand } from './commands/export.ts'
import { importCommand } from './commands/import.ts'
import { migrate } from './commands/migrate.ts'
import { purge } from './commands/purge.ts'
import { recover } from './commands/recover.ts'
import { scrub } from './commands/scrub.ts'
import { stats } from './commands/stats.ts'
import { sweep } from './commands/sweep.ts'
import { type ExitStatus, execute } from './execute.ts'
import { closing, closingOf, headings } from './help.ts'
import { placeOptions } from './place.ts'

/** Runs the command line with these arguments, and resolves with the exit status. */
export async function run(args: readonly string[], version: string): Promise<ExitStatus> {
  let status: ExitStatus = 0
  const help = new Command('help').argument('[command]').summary('what a command does and changes')
  const program = new Command('pds-blobstore')
    .description('Maintains the blob store of an AT Protocol PDS.')
    .usage('<command> [options]')
    .version(version)
    .addHelpCommand(help.helpGroup(headings.look))
    .addHelpText('after', closing)
    .showHelpAfterError('The commands: pds-blobstore help')
    .exitOverride()
  for (const command of commands) {
    addTo(program, command, async (given, { sourceOf }) => {
      status = await execute(command, given, sourceOf)
    })
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    // Commander has already printed its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}

/** `sourceOf`: whether an option was typed, or came from the environment. */
type Act = (given: ParsedOptions, parsed: { sourceOf: (option: string) => string | undefined }) => Promise<void>

function addTo(program: Command, about: StoreCommand, act: Act): void {
  const command = program
    .command(about.name)
    .helpGroup(headings[about.purpose])
    .summary(about.summary)
    .description(about.description)
    .addHelpText('after', closingOf(about))
    .showHelpAfterError(`Its options, and examples: pds-blobstore ${about.name} --help`)
    .action(() => {
      const named = command.registeredArguments.map((argument, at) => [argument.name(), command.processedArgs[at]])
      return act(
        { ...command.opts(), ...Object.fromEntries(named) },
        { sourceOf: (option) => command.getOptionValueSource(option) },
      )
    })
  for (const [name, description] of about.arguments ?? []) command.argument(name, description)
  for (const option of about.options) command.addOption(option)
  command.addOption(new Option('--json', 'print the report as JSON, on one line'))
  command.addOption(new Option('--quiet', 'show no progress, only warnings and errors'))
  command.optionsGroup('Where the store is:')
  for (const option of placeOptions) command.addOption(option)
}

/** In the order of the help. */
export const commands: readonly StoreCommand[] = [
  check,
  stats,
  collect,
  sweep,
  scrub,
  purge,
  backup,
  recover,
  migrate,
  importCommand,
  exportCommand,
]
