import { retry } from '../retry.ts'
import { isBusy, isLostRace, metadataError } from './sql-errors.ts'

/** All attempts together take some seconds: longer than other transactions last, shorter than a client waits. */
const attempts = 12

/**
 * Retries what another transaction has blocked. Waits without blocking the event loop, as SQLite's own waiting would,
 * which also does not cover every case. Throws the last failure as an error of the library.
 */
export async function withRetry<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await retry(attempt, {
      retries: attempts - 1,
      minTimeout: 5,
      maxTimeout: 1000,
      factor: 3,
      randomize: true,
      shouldRetry: (error) => isBusy(error) || isLostRace(error),
    })
  } catch (error) {
    throw metadataError(error)
  }
}
