import { BlobStoreError } from './errors.ts'
import { printable } from './printable.ts'

/** The error for an invalid argument: `what` is the function or its option, `why` what it accepts. */
export function invalidArgument(what: string, why: string): BlobStoreError {
  return new BlobStoreError('InvalidArgument', `${what}: ${why}`)
}

/**
 * Refuses unknown options: a misspelt limit must not be ignored, and a `trx` where it has no effect would deadlock.
 *
 * @throws `InvalidArgument`
 */
export function assertOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgument(what, 'the options must be an object')
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  if (unknown.includes('trx')) throw invalidArgument(what, takesNoTrx)
  throw invalidArgument(
    what,
    `unknown option ${unknown.map((name) => `"${printable(name, 50)}"`).join(', ')}; ` +
      `there are ${known.join(', ')}`,
  )
}

const takesNoTrx =
  'this call takes no `trx`. Make it before or after the transaction: inside, it would wait for the connection that the transaction has'

/** @throws `InvalidArgument` unless `value` is a store: not a promise of one, nor the options */
export function assertStore(what: string, value: unknown): void {
  if (typeof (value as { upload?: unknown } | null | undefined)?.upload === 'function') return
  throw invalidArgument(what, 'the first argument must be the store that createBlobStore returns')
}

/** @throws `InvalidArgument` unless `value` is a whole number of at least `least` */
export function assertWhole(what: string, value: unknown, least: number): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return
  throw invalidArgument(what, `expected a whole number of at least ${least}`)
}

/** @throws `InvalidArgument` unless `value` is a boolean, or undefined */
export function booleanOf(what: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw invalidArgument(what, 'expected true or false')
}

/** @throws `InvalidArgument` unless `value` is absent or one of these */
export function assertOneOf(what: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value as string)) return
  throw invalidArgument(what, `expected one of ${allowed.join(', ')}`)
}

/**
 * @throws `InvalidArgument` unless `value` is a number of milliseconds that a timer supports: a longer one would fire
 * at once
 */
export function assertDelay(what: string, value: unknown, least: number): asserts value is number {
  assertWhole(what, value, least)
  if (value <= 2 ** 31 - 1) return
  throw invalidArgument(what, `a timer waits for at most ${2 ** 31 - 1} milliseconds (24 days)`)
}
