import fresh from 'fresh'
import type { BlobRequest } from './request.ts'

/**
 * If-None-Match, compared weakly, as it must be. `Cache-Control: no-cache` does not change it: that is for caches, and
 * `fetch` sends it with every If-None-Match, so that heeding it (as `fresh` would) makes all of them 200.
 */
export function isNotModified(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-none-match')
  return header !== null && fresh({ 'if-none-match': header }, { etag })
}

/** If-Match, compared strongly. */
export function failsMatch(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-match')
  if (header === null || header.trim() === '*') return false
  return !header.split(',').some((tag) => tag.trim() === etag)
}

/** If-Range, compared strongly. A date never matches: the bytes of a CID have none. */
export function rangeHolds(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-range')
  return header === null || header.trim() === etag
}
