import { Command, CommanderError, Option } from 'commander'
import type { Given, StoreCommand } from './command.ts'
import { commands } from './commands.ts'
import { type ExitStatus, execute } from './execute.ts'
import { closing, closingOf, headings } from './help.ts'
import { placeOptions } from './place.ts'

/** Runs the command line with these arguments, and resolves with the exit status. */
export async function run(args: readonly string[], version: string): Promise<ExitStatus> {
  let status: ExitStatus = 0
  const help = new Command('help').argument('[command]').summary('what a command does and changes')
  const program = new Command('pds-blobstore')
    .description('Looks after the blob store of an AT Protocol PDS.')
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
    // Commander has printed what it has to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}

/** `sourceOf`: whether an option was typed, or came from the environment. */
type Act = (given: Given, parsed: { sourceOf: (option: string) => string | undefined }) => Promise<void>

function addTo(program: Command, about: StoreCommand, act: Act): void {
  const command = program
    .command(about.name)
    .helpGroup(headings[about.purpose])
    .summary(about.summary)
    .description(about.description)
    .addHelpText('after', closingOf(about))
    .showHelpAfterError(`Its options, and examples: pds-blobstore ${about.name} --help`)
    .action((given: Given, made: Command) => act(given, { sourceOf: (option) => made.getOptionValueSource(option) }))
  for (const option of about.options) command.addOption(option)
  command.addOption(new Option('--json', 'print the report as JSON, on one line'))
  command.addOption(new Option('--quiet', 'show no progress; warnings and errors still'))
  command.optionsGroup('Where the store is:')
  for (const option of placeOptions) command.addOption(option)
}
