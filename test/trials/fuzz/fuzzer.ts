import { isBlobStoreError } from '../../../src/errors.ts'
import type { Random } from '../../support/random.ts'

/** One input, and the promises about it that are checked. */
export interface Case {
  /** For the report: a text, bytes, or an object of them. */
  input: unknown
  /** Throws when a promise is broken. Only this is timed. */
  check(): void | Promise<void>
}

export interface Fuzzer {
  name: string
  make(random: Random): Case
  /** Releases what it opened. */
  close?(): Promise<void>
}

/** The result of the call, or the code of the library's own error. Any other error is a failure, and passes through. */
export function outcome<T>(call: () => T): { value: T } | { code: string } {
  try {
    return { value: call() }
  } catch (error) {
    return { code: codeOf(error) }
  }
}

// As much as a line of a log and a terminal can show. Separators and reversals (U+2028, U+202E) are tested with the
// log.
const control = /\p{Cc}/u
const longestMessage = 3000

/** The code of an error of the library, whose message must be fit for a log. */
export function codeOf(error: unknown): string {
  if (!isBlobStoreError(error)) throw error
  if (control.test(error.message)) throw new Error(`A control character in a message: ${JSON.stringify(error.message)}`)
  if (error.message.length > longestMessage) throw new Error(`A message of ${error.message.length} characters`)
  return error.code
}

export function promise(kept: boolean, what: string): asserts kept {
  if (!kept) throw new Error(what)
}

/** The input as one line that can be pasted into a test: everything except printable ASCII is escaped. */
export function spell(input: unknown, most = 2000): string {
  const text = JSON.stringify(input, (_key, value: unknown) =>
    value instanceof Uint8Array ? `hex:${Buffer.from(value).toString('hex')}` : value,
  ).replaceAll(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`
}
