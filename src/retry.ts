import pRetry, { type Options } from 'p-retry'
import { isError } from './shapes.ts'

/** p-retry accepts only errors of its own realm. */
class OtherRealmError extends Error {
  readonly original: unknown

  constructor(original: unknown) {
    super('An error of another realm')
    this.original = original
  }
}

const originalOf = (error: unknown): unknown => (error instanceof OtherRealmError ? error.original : error)

export interface RetryOptions extends Omit<Options, 'shouldRetry'> {
  shouldRetry(error: unknown): boolean
}

/**
 * Runs it again as long as it fails with errors for which `shouldRetry` is true. Throws the last one as it is, also if it
 * is of another realm: in Jest, errors of Node are, and those of SQLite from the second test file on.
 */
export async function retry<T>(attempt: () => Promise<T>, { shouldRetry, ...options }: RetryOptions): Promise<T> {
  const attemptHere = async () => {
    try {
      return await attempt()
    } catch (error) {
      throw error instanceof Error || !isError(error) ? error : new OtherRealmError(error)
    }
  }
  try {
    return await pRetry(attemptHere, { ...options, shouldRetry: ({ error }) => shouldRetry(originalOf(error)) })
  } catch (error) {
    throw originalOf(error)
  }
}
