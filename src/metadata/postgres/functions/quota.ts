import type { ResolvedQuota } from '../../types.ts'

/** The parameters of a function that checks a quota; null where there is no limit. */
export interface QuotaLimits {
  maxBytes: number | null
  maxBlobs: number | null
  maxTemporary: number | null
  maxPending: number | null
}

export const quotaTypes = {
  maxBytes: 'bigint',
  maxBlobs: 'bigint',
  maxTemporary: 'bigint',
  maxPending: 'bigint',
} as const

/** The same as `assertQuota`, of the variable `account`. */
export const exceedsQuota = `account.bytes + account.reserved > p_maxBytes
    or account.count + account.uploads > p_maxBlobs
    or account.temporary + account.uploads > p_maxTemporary
    or account.pending > p_maxPending`

const limit = (number: number): number | null => (Number.isFinite(number) ? number : null)

export const limitsOf = (quota: ResolvedQuota): QuotaLimits => ({
  maxBytes: limit(quota.bytes),
  maxBlobs: limit(quota.blobs),
  maxTemporary: limit(quota.temporaryBlobs),
  maxPending: limit(quota.pendingBytes),
})

export const noLimits: QuotaLimits = { maxBytes: null, maxBlobs: null, maxTemporary: null, maxPending: null }
