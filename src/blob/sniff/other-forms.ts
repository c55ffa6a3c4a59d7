import { mayBeText } from './false-marks.ts'
import { type Finding, latin1, marked, uint32 } from './mark.ts'

/**
 * Marks of valid files that file-type does not recognize: with the other byte order, other packing, or of older
 * versions. Used when file-type finds nothing.
 */
const marks: readonly (readonly [mimeType: string, mark: string, offset?: number])[] = [
  ['application/postscript', '\x04%!'], // ^D, which printer drivers write
  ['font/ttf', 'true\0'],
  ['font/ttf', 'typ1\0'],
  ['font/woff', 'wOFF'],
  ['font/woff2', 'wOF2'],
  ['application/x-cpio', '070701'],
  ['application/x-cpio', '070702'],
  ['application/x-cpio', '\x71\xc7'],
  ['application/x-shockwave-flash', 'ZWS'],
  ['application/x-rar-compressed', 'RE~^'],
  ['application/zip', 'PK00PK\x03\x04'],
  ['application/vnd.tcpdump.pcap', '\xa1\xb2\x3c\x4d'], // nanoseconds
  ['application/vnd.tcpdump.pcap', '\x4d\x3c\xb2\xa1'],
  ['application/vnd.tcpdump.pcap', '\xa1\xb2\xcd\x34'], // Kuznetzov's
  ['application/vnd.tcpdump.pcap', '\x34\xcd\xb2\xa1'],
  ['application/vnd.tcpdump.pcap', '\x1a\x2b\x3c\x4d', 8], // pcap-ng
  ['application/vnd.tcpdump.pcap', '\x4d\x3c\x2b\x1a', 8],
  ['application/x-lz4', '\x02\x21\x4c\x18'], // the legacy frame
  ['application/x-unix-archive', '!<thin>\n'],
  ['application/x-unix-archive', '<bigaf>\n'],
  ['application/x-unix-archive', '<aiaff>\n'],
  ['application/x-mach-binary', '\xca\xfe\xba\xbf'],
  ['application/x-msdownload', 'ZM'],
  ['application/x-mobipocket-ebook', 'TEXtREAd', 60],
  ['audio/ape', 'MACF'],
  ['audio/midi', 'RMID', 8],
  ['audio/wav', 'WAVE', 8],
  ['image/bmp', 'BM', 14], // array of bitmaps (OS/2)
  ['image/x-olympus-orf', 'IIRO'],
  ['image/x-olympus-orf', 'IIRS'],
  ['image/x-olympus-orf', 'MMOR'],
  ['image/x-panasonic-rw2', 'IIU\0'],
  ['image/tiff', 'II*\0'], // its directory is after the head
  ['image/tiff', 'MM\0*'],
  ['model/gltf-binary', 'glTF\x01\0\0\0'],
]

/** What else must be at the beginning, for marks that are further on. */
const containers = new Map([
  ['audio/midi', ['RIFF']],
  ['audio/wav', ['RF64', 'BW64', 'RIFX']],
  ['image/bmp', ['BA']],
  ['application/vnd.tcpdump.pcap', ['\n\r\r\n']],
])

const unknown: Finding = { sniffed: null, also: [] }

/** The type of the head by one of these marks. */
export function otherForm(head: Uint8Array, isText: boolean): Finding {
  if (isPdf(head, isText)) return known('application/pdf')
  if (isPostScriptJob(head)) return known('application/postscript')
  const found = marks.find(([type, mark, offset = 0]) => {
    return marked(head, mark, offset) && (offset === 0 || isIn(head, type)) && (!isText || mayBeText.has(type))
  })
  if (found) return known(found[0])
  if (isText) return unknown
  const frames = skippable(head)
  if (frames) return frames
  if (isScriptedZip(head)) return known('application/zip')
  if (head.indexOf(0x06) >= 0 && latin1Of(head).includes('\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02')) {
    return known('application/mxf') // after a run-in
  }
  if (isOldTar(head)) return known('application/x-tar')
  // A mark of several types, so the type stays open.
  if (marked(head, '\x1a\x45\xdf\xa3')) return { sniffed: null, also: ['video/matroska', 'video/webm'] }
  if (marked(head, 'OggS')) return { sniffed: null, also: ['application/ogg', 'audio/ogg', 'video/ogg'] }
  if (head.length >= 512 && head.every((byte) => byte === 0)) return { sniffed: null, also: ['application/x-tar'] }
  return unknown
}

function known(sniffed: string): Finding {
  return { sniffed, also: [] }
}

function isIn(head: Uint8Array, type: string): boolean {
  return containers.get(type)?.some((container) => marked(head, container)) ?? true
}

function latin1Of(head: Uint8Array): string {
  return latin1(head, 0, head.length)
}

/**
 * Readers search the first 1024 bytes for the header: mail and HTTP headers or printer commands may precede it. In text
 * it must be on a line of its own, because a text may mention it.
 */
function isPdf(head: Uint8Array, isText: boolean): boolean {
  const start = latin1(head, 0, 1024)
  return isText ? /(?:^|[\r\n]|\xef\xbb\xbf)[ \t]*%PDF-\d\.\d[ \t]*[\r\n]/.test(start) : /%PDF-\d/.test(start)
}

/** PostScript in a print job: after PJL commands, which end with `ENTER LANGUAGE`. */
function isPostScriptJob(head: Uint8Array): boolean {
  return marked(head, '\x1b%-12345X') && /[\r\n]%!/.test(latin1(head, 0, 2048).replaceAll('\x04', ''))
}

/** Zstandard and LZ4 share skippable frames; what follows them decides. */
function skippable(head: Uint8Array): Finding | null {
  let at = 0
  while (((head[at] ?? 0) & 0xf0) === 0x50 && marked(head, '\x2a\x4d\x18', at + 1) && at + 8 <= head.length) {
    at += 8 + uint32(head, at + 4, 'little')
  }
  if (at > 0 && marked(head, '\x04\x22\x4d\x18', at)) return known('application/x-lz4')
  if (at > 0) return { sniffed: 'application/zstd', also: at < head.length ? [] : ['application/x-lz4'] }
  // Zstandard before 0.8.
  const [first = 0] = head
  return first >= 0x1e && first <= 0x27 && marked(head, '\xb5\x2f\xfd', 1) ? known('application/zstd') : null
}

/** An executable ZIP: a line for the shell, then the archive. */
function isScriptedZip(head: Uint8Array): boolean {
  if (!marked(head, '#!')) return false
  const line = head.indexOf(0x0a)
  return line > 0 && marked(head, 'PK\x03\x04', line + 1)
}

/** A tar header with a correct checksum, whatever is where newer ones write `ustar`. */
function isOldTar(head: Uint8Array): boolean {
  if (head.length < 512) return false
  const written = /^[ \0]*([0-7]{1,7})[ \0]/.exec(latin1(head, 148, 156))?.[1]
  if (written === undefined) return false
  const bytes = head.subarray(0, 512).map((byte, at) => (at >= 148 && at < 156 ? 0x20 : byte))
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  const signed = bytes.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0)
  return [sum, signed].includes(Number.parseInt(written, 8))
}
