import { InvalidArgumentError, Option } from 'commander'
import type { ParsedOptions } from './command.ts'

/** For commands that print a page of a list. */
export const pageOptions = (what: string): Option[] => [
  new Option('--limit <n>', `at most this many ${what}, up to 1000`).argParser(limitOf).default(100),
  new Option('--cursor <cursor>', 'continue where an earlier page ended'),
]

export function pageIn(given: ParsedOptions): { limit: number; cursor: string | undefined } {
  return { limit: Number(given.limit), cursor: given.cursor as string | undefined }
}

/** What to tell people where a list goes on. */
export const moreNote = (cursor: string | undefined): string[] =>
  cursor === undefined ? [] : [`There are more. The next page: --cursor ${cursor}`]

function limitOf(text: string): number {
  if (/^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= 1000) return Number(text)
  throw new InvalidArgumentError('Expected a whole number from 1 to 1000.')
}
