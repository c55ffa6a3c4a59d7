import { sniffedInstead, snifferSpelling } from '../mime-refinements.ts'
import { hasMark } from './marked-types.ts'

/** Types that are recognized, but not in every valid file, so that finding nothing proves nothing. */
const unreliable: ReadonlySet<string> = new Set([
  // Text with optional first bytes, or of which only one of several spellings is recognized.
  'application/eps',
  'application/pgp-encrypted',
  'application/postscript',
  'application/rtf',
  'application/x-ft-fbx',
  'application/x-ms-regedit',
  'application/xml',
  'model/stl',
  'text/calendar',
  'text/vcard',
  'text/vtt',
  'video/x-ms-asf', // also used for lists of streams
  // The mark is, or may be, after the head.
  'application/x-apple-diskimage',
  'application/x-asar',
  'application/x-iso9660-image',
  'image/tiff',
  'image/x-adobe-dng',
  'image/x-canon-cr2',
  'image/x-nikon-nef',
  'image/x-sony-arw',
  // The mark is optional, or only that of some versions is recognized.
  'application/dicom',
  'application/x-jmp-data',
  'application/x-spss-sav',
  'image/vnd.dwg',
  // Streams of frames, which may begin in the middle of a frame.
  'audio/aac',
  'audio/mpeg',
  'audio/vnd.dolby.dd-raw',
  'video/mp1s',
  'video/mp2p',
  'video/mp2t',
  'video/mpeg',
])

/**
 * Whether `sniffMimeType` would have recognized bytes of this type, so that finding nothing means that they are not.
 * `mimeType` is as `parseMimeType` returns it.
 */
export function canSniff(mimeType: string): boolean {
  const type = snifferSpelling(mimeType)
  if (unreliable.has(type)) return false
  return hasMark(type) || sniffedInstead(type).some((one) => hasMark(one) && !unreliable.has(one))
}
