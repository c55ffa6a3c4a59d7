import pRetry from 'p-retry'
import { classify, type ErrorClass, networkFailure } from './errors.ts'
import { IdleTimeout, type Timeouts } from './idle-timeout.ts'

/** Makes one request, which ends when the signal is aborted. Errors are those of the service's client. */
export type Request<T> = (signal: AbortSignal, idle: IdleTimeout) => Promise<T>

const pauses = { minTimeout: 100, maxTimeout: 5000, factor: 2, randomize: true }

/** How requests to a service are made: within the time they have, and again where that can help. Nothing else repeats. */
export class Requests {
  readonly timeouts: Timeouts
  readonly classify: (error: unknown) => ErrorClass

  /** `ofService` knows the errors that are the service's own. */
  constructor(timeouts: Timeouts, ofService: (error: unknown) => ErrorClass = networkFailure) {
    this.timeouts = timeouts
    this.classify = (error) => classify(error, ofService)
  }

  async once<T>(signal: AbortSignal | undefined, request: Request<T>, timeouts: Timeouts = this.timeouts): Promise<T> {
    using idle = new IdleTimeout(timeouts, signal)
    try {
      return await request(idle.signal, idle)
    } catch (error) {
      throw idle.fail(error)
    }
  }

  /** For what may be done twice: reading, listing, deleting, parts of an upload. */
  retryIdempotent<T>(signal: AbortSignal | undefined, request: Request<T>): Promise<T> {
    return this.retry(signal, () => this.once(signal, request))
  }

  /** For what must not be done twice: again only when the service said that it has done nothing. */
  retryIfNotApplied<T>(signal: AbortSignal | undefined, request: Request<T>): Promise<T> {
    const notApplied = (error: unknown): boolean => this.classify(error).notApplied === true
    return attempts(() => this.once(signal, request), notApplied, 4, signal)
  }

  /** As `retryIdempotent`, for what keeps the time by itself. */
  retry<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    return attempts(attempt, (error) => this.classify(error).transient === true, 3, signal)
  }
}

async function attempts<T>(
  attempt: () => Promise<T>,
  again: (error: unknown) => boolean,
  retries: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const shouldRetry = ({ error }: { error: unknown }): boolean => signal?.aborted !== true && again(error)
  return await pRetry(attempt, { ...pauses, retries, shouldRetry, ...(signal && { signal }) })
}
