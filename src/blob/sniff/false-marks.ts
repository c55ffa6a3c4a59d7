import { latin1, marked, uint32 } from './mark.ts'

/**
 * Formats that may consist of text from their first byte on, or whose mark is not a word. A head that is text belongs
 * to no other format.
 */
export const mayBeText: ReadonlySet<string> = new Set([
  'application/eps',
  'application/pdf',
  'application/pgp-encrypted',
  'application/postscript',
  'application/rtf',
  'application/vnd.sketchup.skp', // it begins in UTF-16
  'application/x-cpio',
  'application/x-ms-regedit',
  'application/x-rar-compressed', // `RE~^` before version 1.5
  'application/x-unix-archive',
  'application/xml',
  'audio/amr', // `#!AMR`
  'audio/wav', // RIFF, and the form after it
  'image/gif', // `GIF89a`
  'image/webp',
  'model/stl',
  'text/calendar',
  'text/vcard',
  'text/vtt',
  'video/vnd.avi',
])

const bitmapHeaders: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124]

/**
 * Further conditions, for types where file-type checks only two to four bytes. A head that ends before them proves
 * nothing.
 */
const proofs: Readonly<Record<string, (head: Uint8Array) => boolean>> = {
  'application/postscript': (head) => head.length < 3 || /^%!(?:PS|\s)/.test(latin1(head, 0, 4)),
  'application/x-sqlite3': (head) => head.length < 16 || marked(head, 'SQLite format 3\0'),
  'audio/aac': framesFollow,
  'audio/aiff': (head) => head.length < 12 || ['AIFF', 'AIFC'].includes(latin1(head, 8, 12)),
  'audio/mpeg': framesFollow,
  'image/bmp': (head) => head.length < 18 || bitmapHeaders.includes(uint32(head, 14, 'little')),
  'image/gif': (head) => head.length < 6 || marked(head, 'GIF87a') || marked(head, 'GIF89a'),
  'model/stl': (head) => /\s(?:facet|endsolid)(?:\s|$)/.test(latin1(head, 0, head.length)),
  // Also checks the third packet, of 188 bytes or, with a time before each, of 192.
  'video/mp2t': (head) => head.length <= 388 || head[376] === 0x47 || head[388] === 0x47,
}

/** Whether the head only begins like a file of the type, but is none. */
export function isFalseMark(mimeType: string, head: Uint8Array, isText: boolean): boolean {
  if (isText && !mayBeText.has(mimeType)) return true
  return Object.hasOwn(proofs, mimeType) && proofs[mimeType]?.(head) === false
}

/** Types with such a short mark that it proves little against a declared type that has no mark. */
const weak: ReadonlySet<string> = new Set([
  'application/x-apple-diskimage', // also the beginning of zlib streams
  'application/x-arj',
  'application/x-compress',
  'application/x-cpio',
  'audio/aac',
  'audio/mpeg',
  'audio/vnd.dolby.dd-raw',
  'font/ttf',
  'image/bmp',
  'image/jxl',
  'image/x-icon',
  'video/mp2t',
  'video/mpeg',
])

export function isWeaklyMarked(mimeType: string): boolean {
  return weak.has(mimeType)
}

/** In kbit/s, by layer and index, of MPEG-1 and of MPEG-2. */
const rates: Record<'1' | '2', Record<1 | 2 | 3, readonly number[]>> = {
  1: {
    1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  },
  2: {
    1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  },
}
const sampleRates = [44_100, 48_000, 32_000]

/**
 * Whether a second frame follows where the first one ends. A frame begins with eleven fixed bits, as does one in two
 * thousand random files. Returns true if the head ends before, or the frame does not show its length.
 */
function framesFollow(head: Uint8Array): boolean {
  const length = frameLength(head)
  if (length === null || length + 2 > head.length) return true
  // The sync word, the version and the layer are the same in all frames.
  return head[length] === 0xff && ((head[length + 1] as number) & 0xfe) === ((head[1] as number) & 0xfe)
}

function frameLength([, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0]: Uint8Array): number | null {
  const layer = (4 - ((second >> 1) & 3)) as 1 | 2 | 3 | 4
  if (layer === 4) return ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5) // ADTS states it
  const version = (second >> 3) & 3 // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const rate = (rates[version === 3 ? '1' : '2'][layer][third >> 4] ?? 0) * 1000
  const samples = (sampleRates[(third >> 2) & 3] ?? 0) / (version === 3 ? 1 : version === 2 ? 2 : 4)
  if (rate === 0 || samples === 0) return null
  const padding = (third >> 1) & 1
  if (layer === 1) return (Math.floor((12 * rate) / samples) + padding) * 4
  return Math.floor(((layer === 3 && version !== 3 ? 72 : 144) * rate) / samples) + padding
}
