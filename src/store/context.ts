import type { Logger } from '../logger.ts'
import type { Metadata } from '../metadata/metadata.ts'
import type { Backends } from './backends.ts'
import type { BlobStoreHooks } from './hooks.ts'
import type { ResolvedLimits, ResolvedTimes } from './limits.ts'
import type { Presence } from './presence.ts'
import type { Privacy } from './privacy.ts'
import type { RunningAppends } from './resumable/running-appends.ts'
import { allowanceFor } from './upload/interruption.ts'
import type { UploadSlots } from './upload/slots.ts'

/** An open store, as its operations use it. */
export interface StoreContext {
  readonly backends: Backends
  readonly metadata: Metadata
  readonly limits: ResolvedLimits
  /** The times in force: the store's own at first, then what its processes have agreed on. */
  times: ResolvedTimes
  readonly logger: Logger
  readonly hooks: BlobStoreHooks
  readonly privacy: Privacy | undefined
  readonly slots: UploadSlots
  readonly appends: RunningAppends
  readonly presence: Presence
  /** The purges and takedowns that this process's hook was told of: see moderation-news.ts. */
  readonly newsTold: Set<string>
  /** Part of every new key; grows with each opening and sweep. */
  epoch: number
}

/** The delete delay of bytes that were never live: no backup can need them, only a request that is still running. */
export function unusedDelay({ times, limits }: StoreContext): number {
  return Math.min(times.upload + allowanceFor(limits.maxBlobSize), times.deleteDelay)
}
