import { Help } from 'commander'
import type { Purpose, StoreCommand } from './command.ts'
import { dryRun } from './options.ts'
import { wrap } from './words.ts'

export const headings: Readonly<Record<Purpose, string>> = {
  look: 'Look:',
  moderate: 'Moderation:',
  order: 'Maintenance:',
  move: 'Move:',
}

const statuses =
  'Exit status: 0 success, 1 it failed, 2 wrong usage, 3 it found problems, 130 it was stopped by Control-C, 143 by SIGTERM.'

/** The end of the general help. */
export const closing = (width: number): string =>
  text(width, [
    '',
    'Say where the store is with every command, or once in the environment:',
    commandLine('export', 'BLOBSTORE_DISK=/srv/blobs BLOBSTORE_SQLITE=/srv/blobs.sqlite', width, '  '),
    '  $ pds-blobstore check',
    '  $ pds-blobstore help scrub',
    'Options beat the environment. A command that changes the store prints which store it means, and asks; without a ' +
      'terminal, it needs --yes.',
    '',
    'Results go to stdout, progress and warnings to stderr.',
    statuses,
  ])

/** The end of a command's help. */
export function closingOf({ name, changes, options, examples }: StoreCommand, width: number): string {
  const what = options.includes(dryRun) ? `${changes} With --dry-run: nothing.` : changes
  const shown = examples.flatMap(([args, what]) => [
    `  ${what}:`,
    commandLine('pds-blobstore', [name, args].join(' ').trimEnd(), width, '    '),
  ])
  const changed = ['What it changes:', `  ${what}`]
  return text(width, ['', ...changed, '', statuses, '', 'Examples, some with the store in the environment:', ...shown])
}

/**
 * As commander writes options and commands, but in a narrow terminal each description is under its name: beside it
 * there is no space, and commander would let it overflow.
 */
export function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? 80
  if (width >= narrow) return Help.prototype.formatItem.call(helper, term, termWidth, description, helper)
  return `${wrap(`  ${term}`, width, '    ')}\n${wrap(`      ${description}`, width, '      ')}`
}

/** In columns. */
const narrow = 72

/** Prose that fits: indented lines keep their indentation. */
function text(width: number, lines: readonly string[]): string {
  const most = Math.min(width, 80) - 2
  return lines.map((line) => wrap(line, most, /^ */.exec(line)?.[0])).join('\n')
}

/** Quoted for a shell, in lines that fit. */
function commandLine(program: string, args: string, width: number, indent: string): string {
  const words = args.split(program === 'export' ? ' ' : / (?=--)/).filter((word) => word !== '')
  const most = Math.min(width, 80) - 2 - ' \\'.length
  const [first = '', ...others] = words
  const lines = [`${indent}$ ${program} ${first}`]
  for (const word of others) {
    const longer = `${lines.at(-1)} ${word}`
    if (longer.length <= most) lines[lines.length - 1] = longer
    else lines.push(`${indent}    ${word}`)
  }
  return lines.join(' \\\n')
}
