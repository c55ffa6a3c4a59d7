/** What a cache reads the tags of an answer from: Cloudflare `cache-tag`, Fastly and others `surrogate-key`. */
export type CacheTagHeader = 'cache-tag' | 'surrogate-key'

export const cacheTagHeaders: readonly CacheTagHeader[] = ['cache-tag', 'surrogate-key']

/** The header that names an answer to caches: by its account, by its bytes, and by both. */
export function taggedAs(
  { cacheTags }: { cacheTags?: CacheTagHeader | undefined },
  did: string,
  cid: string,
): Record<string, string> {
  if (cacheTags === undefined) return {}
  return { [cacheTags]: [`${did}/${cid}`, did, cid].join(cacheTags === 'cache-tag' ? ',' : ' ') }
}

/**
 * The tag to purge when `hooks.onInaccessible` tells of something, or `applyWrites` of what is `hidden`. It misses no
 * spelling of an address, and no image made of the blob, when the routes have the option `cacheTags`.
 *
 * @example
 * ```ts
 * import type { BlobStoreHooks } from 'pds-blobstore'
 * import { cacheTagOf } from 'pds-blobstore/http'
 *
 * declare function purge(tag: string): Promise<void>
 * export const hooks: BlobStoreHooks = { onInaccessible: (event) => purge(cacheTagOf(event)) }
 * ```
 */
export function cacheTagOf({ did, cid }: { did: string; cid: string | null }): string {
  if (did === '*' && cid !== null) return cid
  return cid === null ? did : `${did}/${cid}`
}
