import pRetry from 'p-retry'
import { isBusy, isLostRace, metadataError } from './sql-errors.ts'

/** Together some seconds: longer than other transactions last, shorter than a client waits. */
const attempts = 12

/**
 * Retries what another transaction was in the way of, without blocking the event loop as SQLite's own waiting does,
 * which also does not cover every case. The last failure is thrown as an error of the library.
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
