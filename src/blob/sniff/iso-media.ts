import { type Finding, latin1, marked, uint32 } from './mark.ts'

/**
 * Boxes without meaning for the type, which may come before others. `jP ` and `JXL ` are signatures before an `ftyp`.
 */
const fillers: ReadonlySet<string> = new Set([
  ...['free', 'skip', 'wide', 'junk', 'pnot', 'uuid', 'PICT', 'pict', 'prfl', 'jP  '],
])

/** How early QuickTime files begin, which have no `ftyp`. */
const movie: ReadonlySet<string> = new Set(['moov', 'mdat'])

/** How a piece of a fragmented MP4 begins. */
const fragment: ReadonlySet<string> = new Set(['moof', 'sidx', 'ssix', 'prft', 'emsg'])

const jpeg2000 = '\0\0\0\x0cjP  \r\n\x87\n'
const jpeg2000Types = ['image/jp2', 'image/jpx', 'image/jpm', 'image/mj2', 'image/jph']

/**
 * The type of a file made of boxes (ISO/IEC 14496-12, QuickTime), or null for others. The first box with a meaning
 * decides: by the brands of `ftyp` or `styp`, otherwise by its kind.
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
  // Only fillers, as far as the head shows: only QuickTime writes such files.
  return filled && !signed ? { sniffed: 'video/quicktime', also: [] } : null
}

function boxAt(head: Uint8Array, at: number): { kind: string; start: number; end: number } {
  const kind = latin1(head, at + 4, at + 8)
  const size = uint32(head, at) || Number.POSITIVE_INFINITY // 0: it extends to the end
  if (size !== 1) return { kind, start: at + 8, end: at + size }
  return { kind, start: at + 16, end: at + uint32(head, at + 8) * 2 ** 32 + uint32(head, at + 12) }
}

/** The major brand, then the compatible ones: only those in the head, whatever length the box claims. */
function brandsIn(head: Uint8Array, start: number, end: number): string[] {
  if (start + 4 > head.length || head[start] === undefined || (head[start] as number) < 0x20) return []
  const brands = [latin1(head, start, start + 4)]
  const last = Math.min(head.length, end)
  for (let at = start + 8; at + 4 <= last; at += 4) brands.push(latin1(head, at, at + 4))
  return brands
}

/** The type of each brand (MP4RA, ISO/IEC 23008-12, 3GPP TS 26.244). As written in files: four characters. */
const brands = new Map<string, string>([
  ...of('image/avif', 'avif avis avio MA1A MA1B'),
  ...of('image/heic', 'heic heix heim heis MiHA MiHB MiHE'),
  ...of('image/heic-sequence', 'hevc hevx hevm hevs'),
  ...of('image/avci', 'avci'),
  ...of('image/avcs', 'avcs'),
  ...of('image/hej2k', 'j2ki'),
  ...of('image/heif', 'mif1 mif2 mif3 miaf 1pic unif jpeg evbi vvic'),
  ...of('image/heif-sequence', 'msf1 jpgs evbs vvis'),
  ...of('image/x-canon-cr3', 'crx'),
  ...of('image/jp2', 'jp2'),
  ...of('image/jph', 'jph'),
  ...of('image/jpx', 'jpx jpxb'),
  ...of('image/jpm', 'jpm'),
  ...of('image/mj2', 'mjp2 mj2s'),
  ...of('image/jxl', 'jxl'),
  ...of('video/quicktime', 'qt mqt'),
  ...of('video/x-m4v', 'M4V M4VH M4VP'),
  ...of('audio/x-m4a', 'M4A'),
  ...of('audio/mp4', 'M4B F4A F4B'),
  ...of('video/3gpp2', 'kddi'),
  ...of('video/mp4', 'isom mp41 mp42 mp71 avc1 dash cmfc cmf2 cmff cmfs msdh msix dsms MSNV mmp4 M4P F4V F4P'),
])

/** Formats that contain others: a more exact compatible brand decides which. */
const general: ReadonlySet<string> = new Set(['image/heif', 'image/heif-sequence'])

/**
 * The type of a file with these brands, the major one first. The major brand decides. Where it is general (`mif1`),
 * unknown, or 3GPP's in a file that also claims to be MP4, as Android writes it, the compatible ones decide. The types
 * of the other brands may be declared too, if they are of the same kind.
 */
function brandedTypes([major = '', ...compatible]: readonly string[]): Finding {
  const others = compatible.map(typeOf).filter((type) => type !== null)
  const type = typeOf(major)
  const sniffed = decided(type, others)
  const sort = sortOf(sniffed)
  // A general type would allow too much: an AVIF is HEIF, and HEIF may be HEIC.
  const also = [type, ...others].filter((one) => one !== null && sortOf(one) === sort && !general.has(one))
  return { sniffed, also: [...new Set(also as string[])].filter((one) => one !== sniffed) }
}

function decided(type: string | null, others: readonly string[]): string {
  if (type === null) {
    if (others.includes('video/mp4')) return 'video/mp4'
    const first = others.find((one) => !general.has(one)) ?? others[0]
    return first ?? 'video/mp4'
  }
  if (type.startsWith('video/3gpp') && others.includes('video/mp4')) return 'video/mp4'
  if (!general.has(type)) return type
  const images = others.filter((one) => one.startsWith('image/') && !general.has(one))
  const moving = type.endsWith('-sequence')
  return images.find((one) => one.endsWith('-sequence') === moving) ?? images[0] ?? type
}

function typeOf(brand: string): string | null {
  const name = brand.replaceAll('\0', ' ').trimEnd()
  if (name.startsWith('3g2')) return 'video/3gpp2'
  if (name.startsWith('3g')) return 'video/3gpp'
  if (/^iso[0-9a-z]$/.test(name)) return 'video/mp4'
  return brands.get(name) ?? null
}

function sortOf(type: string): string | undefined {
  return type.split('/', 1)[0]
}

function of(type: string, names: string): [string, string][] {
  return names.split(' ').map((name) => [name, type])
}
