import { UsageError } from './command.ts'

const words: Readonly<Record<string, boolean>> = { true: true, yes: true, 1: true, false: false, no: false, 0: false }

/**
 * The value of a variable of the environment that is on or off; undefined if it is empty.
 *
 * @throws `UsageError` for any other word: a guess could send the bytes elsewhere
 */
export function booleanOf(variable: string, text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (word === '') return undefined
  if (Object.hasOwn(words, word)) return words[word]
  throw new UsageError(`${variable}=${text}: expected true, yes or 1, or false, no or 0`)
}
