import type { BlobRequest } from './request.ts'

/**
 * If-None-Match, with weak comparison, as RFC 9110 requires. Ignores `Cache-Control: no-cache`, which is for caches:
 * `fetch` sends it with every If-None-Match, so obeying it would turn each of them into 200.
 */
export function isNotModified(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-none-match')
  if (header === null) return false
  return header.trim() === '*' || tagsOf(header).map(opaque).includes(opaque(etag))
}

/** If-Match, with strong comparison. */
export function failsMatch(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-match')
  if (header === null || header.trim() === '*') return false
  return !tagsOf(header).includes(etag)
}

/** If-Range, with strong comparison. A date never matches, because the bytes of a CID have none. */
export function rangeHolds(request: BlobRequest, etag: string): boolean {
  const header = request.header('if-range')
  return header === null || header.trim() === etag
}

/**
 * Whether there is any condition. A server of files would compare it with the file's time, or with a tag made of that,
 * which tell when anybody first stored these bytes: no client may learn it.
 */
export function isConditional(request: BlobRequest): boolean {
  return conditions.some((name) => request.header(name) !== null)
}

const conditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range']

/** Found by their quotes: a header of nothing but commas costs no more to read than to receive. */
function tagsOf(header: string): readonly string[] {
  return header.match(/(?:W\/)?"[^"]*"/g) ?? []
}

/** Without the mark of a weak one. */
const opaque = (tag: string): string => (tag.startsWith('W/') ? tag.slice(2) : tag)
