import type { Quota, ResolvedQuota } from '../metadata/quota.ts'
import { assertOptions, assertWhole } from '../options.ts'

/** The same for every account, or asked for each at every upload. */
export type QuotaOption = Quota | ((did: string) => Quota | Promise<Quota>)

/** @throws `InvalidArgument` */
export async function quotaOf(option: QuotaOption, did: string): Promise<ResolvedQuota> {
  return resolveQuota(typeof option === 'function' ? await option(did) : option)
}

/** @throws `InvalidArgument` */
export function resolveQuota(quota: Quota): ResolvedQuota {
  assertOptions('limits.quota', quota, ['bytes', 'blobs', 'temporaryBlobs', 'pendingBytes'])
  const unlimited = Number.POSITIVE_INFINITY
  const { bytes = unlimited, blobs = unlimited, temporaryBlobs = unlimited, pendingBytes = bytes } = quota
  const resolved = { bytes, blobs, temporaryBlobs, pendingBytes }
  for (const [name, value] of Object.entries(resolved)) {
    if (value !== unlimited) assertWhole(`limits.quota.${name}`, value, 0)
  }
  return resolved
}
