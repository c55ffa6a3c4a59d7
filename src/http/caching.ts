import type { BlobCid } from '../blob/cid.ts'
import { taggedAs } from './cache-tags.ts'
import type { BlobServingOptions } from './options.ts'

/**
 * How long caches may keep a public blob, or what was made from it. The bytes of a CID never change, but a blob may be
 * taken down: so the time is short, never `immutable`, and caches must not serve stale bytes. Nor may a proxy compress or
 * shrink bytes that must have this hash.
 */
export function publicCaching(options: BlobServingOptions, did: string, cid: BlobCid): Record<string, string> {
  const { maxAge = 300 } = options
  return {
    'cache-control': `public, max-age=${maxAge}, must-revalidate, no-transform`,
    ...taggedAs(options, did, cid),
  }
}

/**
 * The same for bytes that not everyone may see. A browser may store them, but asks each time before it shows them again:
 * users who have left the space are refused then, and others get a 304. `must-revalidate` is left out on purpose: RFC
 * 9111 (3.5) reads it as permission for shared caches to store responses to requests with an Authorization header.
 */
export const privateCaching: Readonly<Record<string, string>> = {
  'cache-control': 'private, no-cache, no-transform',
}
