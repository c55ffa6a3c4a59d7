import type { Purpose, StoreCommand } from './command.ts'
import { dryRun } from './options.ts'

export const headings: Readonly<Record<Purpose, string>> = {
  look: 'Look:',
  order: 'Maintenance:',
  move: 'Move:',
}

const statuses = 'Exit status: 0 success, 1 it failed or was stopped, 2 wrong usage,\n3 it found problems.'

/** The end of the general help. */
export const closing: string = `
Say where the store is with every command, or once in the environment:
  $ export BLOBSTORE_DISK=/srv/blobs BLOBSTORE_SQLITE=/srv/blobs.sqlite
  $ pds-blobstore check
  $ pds-blobstore help scrub
Options beat the environment. A command that changes the store prints which
store it means, and asks; without a terminal, it needs --yes.

Results go to stdout, progress and warnings to stderr.
${statuses}`

/** The end of a command's help. */
export function closingOf({ name, changes, options, examples }: StoreCommand): string {
  const shown = examples.map(([args, what]) => `  ${what}:\n${commandLine(name, args)}`)
  const what = options.includes(dryRun) ? `${changes} With --dry-run: nothing.` : changes
  return `\nWhat it changes:\n${indented(what)}\n\n${statuses}\n\nExamples, some with the store in the environment:\n${shown.join('\n')}`
}

/** Quoted for a shell, in lines that fit. */
function commandLine(name: string, args: string): string {
  const words = args.split(/ (?=--)/).filter((word) => word !== '')
  return broken(['$ pds-blobstore', name, ...words], '    ', ' \\\n        ')
}

const indented = (text: string): string => broken(text.split(' '), '  ', '\n  ')

function broken(words: readonly string[], start: string, turn: string): string {
  let [text, length] = [start, start.length]
  for (const [at, word] of words.entries()) {
    const isTooLong = length + word.length + ' \\'.length > 78
    if (isTooLong) length = turn.length
    if (at > 0) text += isTooLong ? turn : ' '
    text += word
    length += word.length + 1
  }
  return text
}
