import pRetry from 'p-retry'
import { isBusy, isLostRace, metadataError } from './sql-errors.ts'

/** Together some seconds: longer than other transactions last, shorter than a client waits. */
const attempts = 12

/**
 * Tries again what another transaction was in the way of. SQLite's own waiting blocks the event loop, and does not help
 * everywhere; this does neither. What remains is thrown as an error of the library.
 */
export async function withRetry<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await pRetry(attempt, {
      retries: attempts - 1,
      minTimeout: 5,
      maxTimeout: 1000,
      factor: 3,
      randomize: true,
      shouldRetry: ({ error }) => isBusy(error) || isLostRace(error),
    })
  } catch (error) {
    throw metadataError(error)
  }
}
