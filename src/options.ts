import { BlobStoreError } from './errors.ts'

/**
 * Refuses options that nobody reads: a misspelt limit must not pass in silence.
 *
 * @throws `InvalidArgument`
 */
export function assertOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new BlobStoreError('InvalidArgument', `${what}: the options must be an object`)
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  throw new BlobStoreError(
    'InvalidArgument',
    `${what}: unknown option ${unknown.map((name) => JSON.stringify(name.slice(0, 50))).join(', ')}; ` +
      `there are ${known.join(', ')}`,
  )
}

/** @throws `InvalidArgument` unless `value` is a whole number of at least `least` */
export function assertWhole(what: string, value: unknown, least: number): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return
  throw new BlobStoreError('InvalidArgument', `${what}: expected a whole number of at least ${least}`)
}

/** @throws `InvalidArgument` unless `value` is absent or one of these */
export function assertOneOf(what: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value as string)) return
  throw new BlobStoreError('InvalidArgument', `${what}: expected one of ${allowed.join(', ')}`)
}
