import type { ScannedFile } from './scanned-file.ts'
import { readTiff } from './tiff.ts'

/**
 * The words by which XMP, comments, and the atoms of videos and sensors name places. Short ones as they are written only,
 * because three letters are found in any megabyte. Each match is short, so that time is linear.
 */
const words = new RegExp(
  [
    ...[
      'GPS[A-Z][a-z]',
      'GPS[59UP]',
      '\\bGPS[:= ]',
      '[Ll]atitude',
      '[Ll]ongitude',
      '[Gg]eotag',
      'ISO6709',
      '\xa9xyz',
      'loci',
    ],
    ...['photoshop:(?:City|State|Country)', 'Iptc4xmp.{1,4}:(?:Location|Country)', 'Location(?:Shown|Created)'],
  ].join('|'),
)

/** The longest match, in bytes. */
const longest = 32

/**
 * Whether text says where the file was made, as far as its words show. UTF-16 has a zero beside each letter. As all of
 * these, false unless it is asked for: then nothing is read.
 */
export async function namesPlace(file: ScannedFile, start: number, end: number): Promise<boolean> {
  if (!file.asksPlaces) return false
  for await (const { bytes } of file.windows(start, end, longest * 2)) {
    const text = Buffer.from(bytes).toString('latin1')
    if (words.test(text) || words.test(text.replaceAll('\0', ''))) return true
  }
  return false
}

/** Each record of IPTC begins with these bytes, and the number of what it says: codes and names of places, the city and so on. */
const iptc = [0x1a, 0x1b, 0x5a, 0x5c, 0x5f, 0x64, 0x65].map((number) => Buffer.from([0x1c, 0x02, number]))

export async function iptcNamesPlace(file: ScannedFile, start: number, end: number): Promise<boolean> {
  if (!file.asksPlaces) return false
  for await (const { bytes } of file.windows(start, end, 2)) {
    const buffer = Buffer.from(bytes)
    if (iptc.some((record) => buffer.includes(record))) return true
  }
  return await namesPlace(file, start, end)
}

/** How many blocks of Exif are read in data of no known format. */
const mostBlocks = 16

/**
 * Whether data that may be anything, such as further pictures, or the video of a moment, says where it was made: in words,
 * or in the Exif of a picture.
 */
export async function dataNamesPlace(file: ScannedFile, start: number, end: number): Promise<boolean> {
  if (!file.asksPlaces) return false
  if (await namesPlace(file, start, end)) return true
  let blocks = 0
  for await (const { at, bytes } of file.windows(start, end, exif.byteLength - 1)) {
    const window = Buffer.from(bytes)
    for (let i = window.indexOf(exif); i !== -1; i = window.indexOf(exif, i + 1)) {
      blocks += 1
      if (blocks > mostBlocks || (await readTiff(file, at + i + exif.byteLength, end)).place) return true
    }
  }
  return false
}

const exif = Buffer.from('Exif\0\0')
