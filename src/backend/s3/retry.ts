import pRetry from 'p-retry'
import { isTransient, nothingWasDone } from './s3-error.ts'

/** The SDK's own retrying is off: these are the only repetitions. */

const patterns = { minTimeout: 100, maxTimeout: 5000, factor: 2, randomize: true }

/** For what may be done twice: reading, listing, deleting, parts of an upload. */
export function repeatedly<T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return attempts(call, isTransient, 3, signal)
}

/** For what must not be done twice: again only when the service said that it has done nothing. */
export function unlessRefused<T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return attempts(call, nothingWasDone, 4, signal)
}

async function attempts<T>(
  call: () => Promise<T>,
  again: (error: unknown) => boolean,
  retries: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  return await pRetry(call, {
    ...patterns,
    retries,
    shouldRetry: ({ error }) => signal?.aborted !== true && again(error),
    ...(signal === undefined ? {} : { signal }),
  })
}
