import { latin1, marked, uint32 } from './mark.ts'
import { framesFollow } from './mpeg-frames.ts'

/** Formats that may consist of text from their first byte on, or whose mark is no word. Of no other is a head that is text. */
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
  'audio/wav', // RIFF, and the form behind it
  'image/gif', // `GIF89a`
  'image/webp',
  'model/stl',
  'text/calendar',
  'text/vcard',
  'text/vtt',
  'video/vnd.avi',
])

const bitmapHeaders: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124]

/** What must be true besides, where file-type looks at two to four bytes. A head that ends before it says nothing. */
const proofs: Readonly<Record<string, (head: Uint8Array) => boolean>> = {
  'application/postscript': (head) => head.length < 3 || /^%!(?:PS|\s)/.test(latin1(head, 0, 4)),
  'application/x-sqlite3': (head) => head.length < 16 || marked(head, 'SQLite format 3\0'),
  'audio/aac': framesFollow,
  'audio/aiff': (head) => head.length < 12 || ['AIFF', 'AIFC'].includes(latin1(head, 8, 12)),
  'audio/mpeg': framesFollow,
  'image/bmp': (head) => head.length < 18 || bitmapHeaders.includes(uint32(head, 14, 'little')),
  'image/gif': (head) => head.length < 6 || marked(head, 'GIF87a') || marked(head, 'GIF89a'),
  'model/stl': (head) => /\s(?:facet|endsolid)(?:\s|$)/.test(latin1(head, 0, head.length)),
  // The third packet, too, of 188 bytes or, with a time before each, of 192.
  'video/mp2t': (head) => head.length <= 388 || head[376] === 0x47 || head[388] === 0x47,
}

/** Whether the head only begins like a file of the type. */
export function isFalseMark(mimeType: string, head: Uint8Array, isText: boolean): boolean {
  if (isText && !mayBeText.has(mimeType)) return true
  return Object.hasOwn(proofs, mimeType) && proofs[mimeType]?.(head) === false
}

/** Types with so short a mark that it proves little against a declared type that has none. */
const weak: ReadonlySet<string> = new Set([
  'application/x-apple-diskimage', // how zlib's streams begin
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
