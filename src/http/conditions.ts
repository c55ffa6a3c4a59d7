import fresh from 'fresh'
import type { BlobRequest } from './request.ts'

/**
 * If-None-Match, with weak comparison, as RFC 9110 requires. Ignores `Cache-Control: no-cache`, which is for caches:
 * `fetch` sends it with every If-None-Match, so obeying it (as `fresh` would) would turn each of them into 200.
 */
export function isNotModified(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-none-match')
  return header !== null && fresh({ 'if-none-match': header }, { etag })
}

/** If-Match, with strong comparison. */
export function failsMatch(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-match')
  if (header === null || header.trim() === '*') return false
  return !header.split(',').some((tag) => tag.trim() === etag)
}

/** If-Range, with strong comparison. A date never matches, because the bytes of a CID have none. */
export function rangeHolds(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-range')
  return header === null || header.trim() === etag
}
