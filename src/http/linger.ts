import type { ResolvedTimes } from '../store/limits.ts'

/** How long what a refused client goes on sending is read and thrown away, in milliseconds. */
export interface Linger {
  total: number
  /** Without a byte. */
  silence: number
}

/**
 * Many clients write their whole body before they read (Python's http.client, Java's HttpURLConnection), and to close a
 * connection with unread bytes resets it, which overtakes the answer. So a refusal is sent at once and whole, and then
 * the rest of the body is thrown away, until the client ends, or for as long as an upload may be silent.
 */
export function lingerOf({ idle }: Pick<ResolvedTimes, 'idle'>): Linger {
  return { total: idle, silence: Math.min(idle, 5000) }
}
