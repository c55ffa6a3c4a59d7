import type { Purpose, StoreCommand } from './command.ts'
import { dryRun } from './options.ts'

export const headings: Readonly<Record<Purpose, string>> = {
  look: 'Look:',
  order: 'Keep in order:',
  move: 'Move:',
}

const statuses = 'Exit status: 0 fine, 1 it failed or was stopped, 2 it was called wrongly,\n3 it found problems.'

/** What the help of the whole ends with. */
export const closing: string = `
Where the store is, is said with every command, or once by the environment:
  $ export BLOBSTORE_DISK=/srv/blobs BLOBSTORE_SQLITE=/srv/blobs.sqlite
  $ pds-blobstore check
  $ pds-blobstore help scrub
Options beat the environment. What changes the store prints which one it means,
and asks; where nobody can be asked, it takes --yes.

Results go to stdout, progress and warnings to stderr.
${statuses}`

/** What the help of a command ends with. */
export function closingOf({ name, changes, options, examples }: StoreCommand): string {
  const shown = examples.map(([args, what]) => `  ${what}:\n${commandLine(name, args)}`)
  const what = options.includes(dryRun) ? `${changes} With --dry-run: nothing.` : changes
  return `\nWhat it changes:\n${indented(what)}\n\n${statuses}\n\nExamples, some with the store in the environment:\n${shown.join('\n')}`
}

/** As it may be pasted into a shell, in lines that fit. */
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
