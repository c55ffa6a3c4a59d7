/**
 * The header from which a cache reads the tags of a response: Cloudflare `cache-tag`, Fastly and others
 * `surrogate-key`.
 */
export type CacheTagHeader = 'cache-tag' | 'surrogate-key'

export const cacheTagHeaders: readonly CacheTagHeader[] = ['cache-tag', 'surrogate-key']

/** The header with a response's cache tags: its account, its bytes, and both. */
export function taggedAs(
  { cacheTags }: { cacheTags?: CacheTagHeader | undefined },
  did: string,
  cid: string,
): Record<string, string> {
  if (cacheTags === undefined) return {}
  return { [cacheTags]: [`${did}/${cid}`, did, cid].join(cacheTags === 'cache-tag' ? ',' : ' ') }
}

/**
 * The tag to purge when `hooks.onInaccessible` is called, or `applyWrites` returns something `hidden`. It covers every
 * spelling of an address, and every image made of the blob, if the routes have the option `cacheTags`.
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
