import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type'
import { parseMimeType } from './mime.ts'
import { sniffedInstead, snifferSpelling } from './mime-refinements.ts'

/**
 * How many of the first bytes {@link sniffMimeType} wants. Measured over some 60 files, most by ffmpeg: MP4, QuickTime
 * and WebM, also fragmented, live or with 20 kB of metadata, tell their type within 64 bytes, WMA within 512. What
 * more would tell apart, office files whose list of parts comes last, no head of sensible length holds.
 */
export const headLength = 4100

// The most that a length claimed in the bytes can make the sniffer allocate. More than the head, for a limit that is hit
// means unknown, while bytes that merely end make it settle for less: lengths in a ZIP's headers have 16 bits.
const maxBufferSize = 64 * 1024

/**
 * What the first bytes say that a file is, or null when they say nothing. Reads memory only, no more than the first
 * {@link headLength} bytes, and never throws: a parser that fails, as on bytes made to break it, knows nothing.
 *
 * @example
 * ```ts
 * import { sniffMimeType } from 'pds-blobstore'
 *
 * const isPng = async (bytes: Uint8Array) => (await sniffMimeType(bytes)) === 'image/png'
 * ```
 */
export async function sniffMimeType(head: Uint8Array): Promise<string | null> {
  try {
    // A parser for each call: they are not safe for concurrent use.
    const result = await fileTypeFromBuffer(head.subarray(0, headLength), { maxBufferSize })
    return result === undefined ? null : parseMimeType(result.mime)
  } catch {
    return null
  }
}

/** Types that file-type lists but does not find in every honest file, so that finding nothing proves nothing. */
const unreliable: ReadonlySet<string> = new Set([
  // Text, whose first bytes are optional, or only one of several spellings is known.
  'application/pgp-encrypted',
  'application/x-ms-regedit',
  'application/xml',
  'model/stl',
  'text/calendar',
  'text/vcard',
  'text/vtt',
  // The mark lies behind the head, or may lie there: TIFF's directory is usually written last.
  'application/x-apple-diskimage',
  'application/x-iso9660-image',
  'image/tiff',
  'image/x-adobe-dng',
  'image/x-canon-cr2',
  'image/x-nikon-nef',
  'image/x-sony-arw',
  // The mark is optional.
  'application/dicom',
  // Streams of frames, which may begin in the middle of one.
  'audio/aac',
  'audio/mpeg',
  'audio/vnd.dolby.dd-raw',
  'video/mp2t',
  'video/mpeg',
])

const sniffable = new Set([...supportedMimeTypes].map((type) => parseMimeType(type) ?? type))

/**
 * Whether {@link sniffMimeType} would have found something in bytes of this type: then finding nothing means that they
 * are not of it. `mimeType` as `parseMimeType` gives it.
 */
export function canSniff(mimeType: string): boolean {
  const type = snifferSpelling(mimeType)
  if (unreliable.has(type)) return false
  return sniffable.has(type) || sniffedInstead(type).some((one) => sniffable.has(one) && !unreliable.has(one))
}
