import { Command, CommanderError, Option } from 'commander'
import type { ParsedOptions, StoreCommand } from './command.ts'
import { accounts } from './commands/accounts.ts'
import { backup } from './commands/backup.ts'
import { check } from './commands/check.ts'
import { collect } from './commands/collect.ts'
import { deleteAccount, reopenAccount } from './commands/delete-account.ts'
import { exportCommand } from './commands/export.ts'
import { get } from './commands/get.ts'
import { heal } from './commands/heal.ts'
import { importCommand } from './commands/import.ts'
import { list } from './commands/list.ts'
import { migrate } from './commands/migrate.ts'
import { mirror } from './commands/mirror.ts'
import { purge } from './commands/purge.ts'
import { purges } from './commands/purges.ts'
import { recover } from './commands/recover.ts'
import { scrub } from './commands/scrub.ts'
import { show } from './commands/show.ts'
import { stats } from './commands/stats.ts'
import { sweep } from './commands/sweep.ts'
import { reverseTakedown, takedown } from './commands/takedown.ts'
import { takedowns } from './commands/takedowns.ts'
import { type ExitStatus, errorAsJson, execute } from './execute.ts'
import { closing, closingOf, formatItem, headings } from './help.ts'
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
    .configureHelp({ formatItem })
    .addHelpText('after', () => closing(widthOfHelp()))
    .showHelpAfterError('The commands: pds-blobstore help')
    .exitOverride()
  const asJson = args.includes('--json')
  program.configureOutput({
    outputError: (text, write) =>
      write(asJson ? errorAsJson('InvalidUsage', text.replace(/^error: /, '').trim()) : text),
  })
  for (const command of commands) {
    addTo(program, { ...command, asJson }, async (given, { sourceOf }) => {
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

/** As commander decides for its own part of the help. */
const widthOfHelp = (): number => (process.stdout.isTTY ? process.stdout.columns : 80) || 80

/** `sourceOf`: whether an option was typed, or came from the environment. */
type Act = (given: ParsedOptions, parsed: { sourceOf: (option: string) => string | undefined }) => Promise<void>

function addTo(program: Command, about: StoreCommand & { asJson: boolean }, act: Act): void {
  const command = program
    .command(about.name)
    .helpGroup(headings[about.purpose])
    .summary(about.summary)
    .description(about.description)
    .configureHelp({ formatItem })
    .addHelpText('after', () => closingOf(about, widthOfHelp()))
    .showHelpAfterError(about.asJson ? false : `Its options, and examples: pds-blobstore ${about.name} --help`)
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
  accounts,
  list,
  show,
  get,
  takedown,
  reverseTakedown,
  takedowns,
  purge,
  purges,
  deleteAccount,
  reopenAccount,
  collect,
  sweep,
  scrub,
  backup,
  mirror,
  heal,
  recover,
  migrate,
  importCommand,
  exportCommand,
]
