import { matchesAccept, octetStream, parseMimeType } from './mime.ts'
import { refines, snifferSpelling } from './mime-refinements.ts'

/**
 * Whether a record that claims type `claimed` may reference a blob stored as `stored`: both are spellings of one type
 * (`image/jpg` and `image/jpeg`), or one is a more precise name of the other (`audio/mp4` and `video/mp4`, a document
 * and ZIP). `*` on both sides of the slash, which real records contain, means the same as `application/octet-stream`:
 * unknown.
 */
export function isSameType(claimed: string, stored: string): boolean {
  if (claimed === stored) return true
  const [one, other] = [spellingOf(claimed), spellingOf(stored)]
  if (one === null || other === null) return false
  return one === other || refines(one, other) || refines(other, one)
}

/** Whether the type, by one of its names, matches one of the patterns, by one of theirs: `image/jpeg` matches `image/jpg`. */
export function matchesInAnySpelling(mimeType: string, patterns: readonly string[]): boolean {
  if (matchesAccept(mimeType, patterns)) return true
  return matchesAccept(
    snifferSpelling(mimeType),
    patterns.map((pattern) => snifferSpelling(pattern.toLowerCase())),
  )
}

/** What clients send when they know no type, in the sniffer's spelling. */
const saysNothing: ReadonlySet<string> = new Set([
  octetStream,
  'application/x-www-form-urlencoded', // the default of curl
  'multipart/form-data',
])

/** Whether the type says anything about the bytes. `mimeType` is as `parseMimeType` returns it. */
export function saysSomething(mimeType: string): boolean {
  return !saysNothing.has(snifferSpelling(mimeType)) && !mimeType.includes('*')
}

function spellingOf(type: string): string | null {
  const parsed = parseMimeType(type)
  if (parsed === null) return null
  return parsed === '*/*' ? octetStream : snifferSpelling(parsed)
}
