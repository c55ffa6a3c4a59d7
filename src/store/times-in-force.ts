import type { SharedTimes } from '../metadata/shared-times.ts'
import type { ResolvedTimes } from './limits.ts'

/**
 * The times that hold for a process: what it was given, or has by default, and what the store has agreed on. How long its
 * own uploads may take, and stay without a record, is its own affair, once it was given; what others may still be at must not be taken for dead.
 */
export function timesInForce(own: ResolvedTimes, given: SharedTimes, agreed: SharedTimes): ResolvedTimes {
  const upload = given.upload ?? agreed.upload ?? own.upload
  return Object.freeze({
    ...own,
    grace: given.grace ?? agreed.grace ?? own.grace,
    deleteDelay: agreed.deleteDelay ?? own.deleteDelay,
    takedownHold: agreed.takedownHold ?? own.takedownHold,
    upload,
    lease: Math.max(own.lease, agreed.lease ?? 0, upload + own.inspect + 1),
  })
}
