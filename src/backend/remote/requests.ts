import { retry } from '../../retry.ts'
import { classify, type ErrorClass, networkFailure } from './errors.ts'
import { IdleTimeout, type Timeouts } from './idle-timeout.ts'

/** Sends one request, which ends when the signal aborts. Throws the errors of the service's client. */
export type Request<T> = (signal: AbortSignal, idle: IdleTimeout) => Promise<T>

const pauses = { minTimeout: 100, maxTimeout: 5000, factor: 2, randomize: true }

/** Sends requests to a service with timeouts, and retries where that can help. Nothing else retries. */
export class Requests {
  readonly timeouts: Timeouts
  readonly classify: (error: unknown) => ErrorClass

  /** `ofService` classifies the errors of the service itself. */
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

  /** For requests that may run twice: reading, listing, deleting, parts of an upload. */
  retryIdempotent<T>(signal: AbortSignal | undefined, request: Request<T>): Promise<T> {
    return this.retry(signal, () => this.once(signal, request))
  }

  /** For requests that must not run twice: retried only when the service said that it did nothing. */
  retryIfNotApplied<T>(signal: AbortSignal | undefined, request: Request<T>): Promise<T> {
    const notApplied = (error: unknown): boolean => this.classify(error).notApplied === true
    return attempts(() => this.once(signal, request), notApplied, 4, signal)
  }

  /** As `retryIdempotent`, for work that has its own timeouts. */
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
  const shouldRetry = (error: unknown): boolean => signal?.aborted !== true && again(error)
  return await retry(attempt, { ...pauses, retries, shouldRetry, ...(signal && { signal }) })
}
