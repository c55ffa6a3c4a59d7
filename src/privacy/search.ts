import { isoMedia } from './formats/iso-media/iso-media.ts'
import { jpeg } from './formats/jpeg.ts'
import { png } from './formats/png.ts'
import { webp } from './formats/webp.ts'
import type { Search } from './parts.ts'
import type { ScannedFile } from './scanned-file.ts'

/** The kinds of files that are searched. `HEIF` is also AVIF, `MP4` also QuickTime. */
export type SearchedFormat = 'JPEG' | 'PNG' | 'WebP' | 'HEIF' | 'MP4'

interface Format {
  /** Whether a file with these first 256 bytes, and of this size, is one. */
  is(head: string, size: number): boolean
  search(file: ScannedFile): Promise<Search>
}

const formats: Record<SearchedFormat, Format> = {
  JPEG: { is: (head) => head.startsWith('\xff\xd8\xff'), search: jpeg },
  PNG: { is: (head) => head.startsWith('\x89PNG\r\n\x1a\n'), search: png },
  WebP: { is: (head) => head.startsWith('RIFF') && head.startsWith('WEBP', 8), search: webp },
  HEIF: { is: (head) => brandsOf(head).some((brand) => pictures.has(brand)), search: isoMedia },
  MP4: { is: isMovie, search: isoMedia },
}

/** Brands of HEIF files, and of files that are neither pictures nor movies: songs, whose title is private to nobody; raw. */
const pictures = new Set([
  ...['mif1', 'mif2', 'msf1', 'miaf', 'avif', 'avis'],
  ...['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx'],
])
const others = new Set(['M4A ', 'M4B ', 'M4P ', 'F4A ', 'F4B ', 'crx ', 'jp2 ', 'jpx ', 'jxl '])

/** The brands of an ISO base media file, its own first; none for another file. */
function brandsOf(head: string): string[] {
  if (!head.startsWith('ftyp', 4)) return []
  const size = Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE()
  const brands = head.slice(8, Math.min(size, 256)).match(/.{4}/gs) ?? []
  return brands.filter((_, i) => i !== 1) // its version
}

/** With these begin files without brands: of QuickTime, as old cameras write it. */
const first = new Set(['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot'])

function isMovie(head: string, size: number): boolean {
  const [own] = brandsOf(head)
  if (own !== undefined) return !others.has(own)
  if (!first.has(head.slice(4, 8))) return false
  const length = Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE() // 0: to the end; 1: it follows
  return length < 2 || (length >= 8 && length <= size)
}

/** What the bytes are, whatever their declared type; null for what is not searched. */
export async function formatOf(file: ScannedFile): Promise<SearchedFormat | null> {
  const head = await file.text(0, 256, file.size)
  const found = Object.entries(formats).find(([, { is }]) => is(head, file.size))
  return found ? (found[0] as SearchedFormat) : null
}

/** @throws `Unsearchable` */
export const search = (file: ScannedFile, format: SearchedFormat): Promise<Search> => formats[format].search(file)
