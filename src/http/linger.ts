import type { ResolvedTimes } from '../store/limits.ts'

/** How long the rest of a refused request is read and thrown away, in milliseconds. */
export interface Linger {
  total: number
  /** The time without a byte. */
  silence: number
}

/**
 * Many clients write their whole body before they read (Python's http.client, Java's HttpURLConnection). Closing a
 * connection with unread bytes resets it, and the reset overtakes the response. So a refusal is sent at once and whole;
 * then the rest of the body is thrown away, until the client ends, or for as long as an upload may be silent.
 */
export function lingerOf({ idle }: Pick<ResolvedTimes, 'idle'>): Linger {
  return { total: idle, silence: Math.min(idle, 5000) }
}
