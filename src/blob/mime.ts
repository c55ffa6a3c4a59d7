import { BlobStoreError } from '../errors.ts'

/** The type of bytes about which nothing is known. */
export const octetStream = 'application/octet-stream'

/** What an upload may be unless the host configures it: the images and videos that browsers show. */
export const defaultAccept: readonly string[] = Object.freeze([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'video/mp4',
  'video/quicktime',
  'video/webm',
])

/**
 * A list for `accept` with the types that Bluesky's own records use: images, videos, sounds, and the captions of
 * videos. Beyond the default it contains formats that browsers do not show, such as HEIC, and SVG, which may contain
 * scripts; the HTTP handlers serve these as downloads that run nothing.
 *
 * @example
 * ```ts
 * import { createBlobStore, MemoryBackend, socialAccept, sqliteMetadata } from 'pds-blobstore'
 *
 * const blobs = createBlobStore({
 *   backend: new MemoryBackend(),
 *   metadata: sqliteMetadata(':memory:'),
 *   limits: { accept: socialAccept },
 * })
 * ```
 */
export const socialAccept: readonly string[] = Object.freeze(['image/*', 'video/*', 'audio/*', 'text/vtt'])

const maxLength = 1024

// RFC 9110: token "/" token, then parameters, which are not parsed. No control character is accepted anywhere, so a
// type can be written into a header. Each step depends on the next character only, so it takes linear time.
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}"
const grammar = new RegExp(`^[ \\t]*(${token}/${token})[ \\t]*(?:;[\\t\\x20-\\x7e\\xa0-\\uffff]*)?$`)

/**
 * The type without its parameters, in lower case, as types are stored and compared: `Text/HTML; charset=utf-8` becomes
 * `text/html`. Null if `value` is not a MIME type: type and subtype are tokens of at most 127 characters (RFC 9110),
 * the whole has at most 1024.
 *
 * @example
 * ```ts
 * import { parseMimeType } from 'pds-blobstore'
 *
 * const typeOf = (request: Request) => parseMimeType(request.headers.get('content-type') ?? '')
 * ```
 */
export function parseMimeType(value: string): string | null {
  if (value.length > maxLength) return null
  return grammar.exec(value)?.[1]?.toLowerCase() ?? null
}

/**
 * Whether the type matches one of the patterns, which have the syntax of a Lexicon's `accept`: `image/png`, `image/*`,
 * or `*` on both sides of the slash for any type.
 *
 * @example
 * ```ts
 * import { matchesAccept } from 'pds-blobstore'
 *
 * const isAvatar = (mimeType: string) => matchesAccept(mimeType, ['image/png', 'image/jpeg'])
 * ```
 */
export function matchesAccept(mimeType: string, patterns: readonly string[]): boolean {
  const type = parseMimeType(mimeType)
  if (type === null) return false
  const range = `${type.slice(0, type.indexOf('/'))}/*`
  return patterns.some((pattern) => {
    const wanted = pattern.toLowerCase()
    return wanted === '*/*' || wanted === range || wanted === type
  })
}

const pattern = new RegExp(`^(?:\\*/\\*|${token.replace('*', '')}/(?:\\*|${token.replace('*', '')}))$`)

/** Whether `value` is a pattern that types can match: a type, one with a star for the rest, or two stars. */
export function isAcceptPattern(value: unknown): value is string {
  return typeof value === 'string' && pattern.test(value)
}

/**
 * Checks the patterns that a host configures.
 *
 * @throws `InvalidArgument` for an empty list, which would refuse everything, and for an invalid pattern
 */
export function assertAcceptPatterns(patterns: readonly string[]): void {
  if (!Array.isArray(patterns) || patterns.length === 0) {
    throw new BlobStoreError(
      'InvalidArgument',
      'accept must name at least one MIME type: ["image/*", "video/mp4"], or ["*/*"] for any; leave it out for the default',
    )
  }
  for (const [index, value] of patterns.entries()) {
    if (isAcceptPattern(value)) continue
    throw new BlobStoreError(
      'InvalidArgument',
      `accept[${index}] is not a MIME type pattern: write "image/png", "image/*" or "*/*", without parameters`,
    )
  }
}
