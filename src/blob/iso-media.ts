import type { Finding } from './finding.ts'
import { brandedTypes } from './iso-brands.ts'
import { latin1, marked, uint32 } from './mark.ts'

/** Boxes that say nothing, and may come before those that do. `jP  ` and `JXL ` are signatures before an `ftyp`. */
const fillers: ReadonlySet<string> = new Set([
  ...['free', 'skip', 'wide', 'junk', 'pnot', 'uuid', 'PICT', 'pict', 'prfl', 'jP  '],
])

/** What a file of QuickTime's first days begins with: it has no `ftyp`. */
const movie: ReadonlySet<string> = new Set(['moov', 'mdat'])

/** What a piece of a fragmented MP4 begins with. */
const fragment: ReadonlySet<string> = new Set(['moof', 'sidx', 'ssix', 'prft', 'emsg'])

const jpeg2000 = '\0\0\0\x0cjP  \r\n\x87\n'
const jpeg2000Types = ['image/jp2', 'image/jpx', 'image/jpm', 'image/mj2', 'image/jph']

/**
 * What a file made of boxes is (ISO/IEC 14496-12, QuickTime), or null when these are none. The first box that says
 * something decides: the brands of `ftyp` or `styp`, else its kind.
 */
export function isoMedia(head: Uint8Array): Finding | null {
  let filled = false
  let signed = false
  for (let at = 0; at + 8 <= head.length; ) {
    const { kind, start, end } = boxAt(head, at)
    if (kind === 'ftyp' || kind === 'styp') {
      const brands = brandsIn(head, start, end)
      if (brands.length === 0) return null
      const found = brandedTypes(brands)
      return signed && !found.sniffed?.startsWith('image/') ? { sniffed: null, also: jpeg2000Types } : found
    }
    if (fragment.has(kind)) return { sniffed: 'video/mp4', also: [] }
    if (movie.has(kind)) return { sniffed: 'video/quicktime', also: [] }
    if (!fillers.has(kind) || (kind === 'jP  ' && !marked(head, jpeg2000, at))) break
    signed ||= kind === 'jP  '
    filled ||= kind !== 'jP  '
    if (end < start) break // too short to be a box
    at = end
  }
  // Nothing but fillers, as far as one sees: only QuickTime writes such files.
  return filled && !signed ? { sniffed: 'video/quicktime', also: [] } : null
}

function boxAt(head: Uint8Array, at: number): { kind: string; start: number; end: number } {
  const kind = latin1(head, at + 4, at + 8)
  const size = uint32(head, at) || Number.POSITIVE_INFINITY // 0: it goes to the end
  if (size !== 1) return { kind, start: at + 8, end: at + size }
  return { kind, start: at + 16, end: at + uint32(head, at + 8) * 2 ** 32 + uint32(head, at + 12) }
}

/** The major brand, then the compatible ones: no more than the head holds, whatever the box says of its length. */
function brandsIn(head: Uint8Array, start: number, end: number): string[] {
  if (start + 4 > head.length || head[start] === undefined || (head[start] as number) < 0x20) return []
  const brands = [latin1(head, start, start + 4)]
  const last = Math.min(head.length, end)
  for (let at = start + 8; at + 4 <= last; at += 4) brands.push(latin1(head, at, at + 4))
  return brands
}
