import { reduceExif } from '../exif.ts'
import { cutTrailing, FoundParts, type Search } from '../parts.ts'
import { iptcNamesPlace, namesPlace } from '../places.ts'
import { type ScannedFile, Unsearchable } from '../scanned-file.ts'
import { readTiff } from '../tiff.ts'

const exifName = 'Exif\0\0'

/** Its last byte fills up, and readers take any. */
const isExif = (name: string): boolean => name.startsWith(exifName.slice(0, -1))

/**
 * From marker to marker to the end. Kept are the picture, JFIF, the colour profile (ICC) and Adobe's word on colours; of
 * Exif the orientation. Everything else is private: notes of cameras, comments, and what follows the picture, such as
 * the video of a moving photograph.
 */
export async function jpeg(file: ScannedFile): Promise<Search> {
  const parts = new FoundParts()
  let isTurned = false
  let offset = 2
  while (true) {
    const start = offset
    const { marker, end } = await markerAt(file, start)
    offset = end
    if (marker === 0xd9) break
    if (standsAlone(marker)) continue
    const length = (await file.at(offset, 2)).getUint16(0)
    if (length < 2 || !hasLength(marker)) throw new Unsearchable('it has a marker that decoders refuse')
    const segment = { start, content: offset + 2, end: offset + length }
    offset = segment.end
    if (offset > file.size) throw new Unsearchable('it ends early')
    if (marker === 0xda) {
      const next = await endOfScan(file, offset)
      if (next === null) return { parts: parts.list } // it was cut off: the rest is picture
      offset = next
    } else if (marker === 0xe1) isTurned = await app1(file, parts, segment, isTurned)
    else await segmentOf(file, parts, marker, segment)
  }
  await cutTrailing(file, parts, offset)
  return { parts: parts.list }
}

interface Segment {
  /** Of its marker. */
  start: number
  content: number
  end: number
}

/** Exif and XMP. Resolves with whether an Exif, the first of which counts, has been seen. */
async function app1(file: ScannedFile, parts: FoundParts, segment: Segment, seen: boolean): Promise<boolean> {
  const { start, content, end } = segment
  const name = await file.text(content, 29, end)
  if (!isExif(name)) {
    const isXmp = name.startsWith('http://ns.adobe.com/')
    parts.cut(isXmp ? 'XMP' : 'application data', await namesPlace(file, content, end), start, end)
    return seen
  }
  const block = await readTiff(file, content + exifName.length, end)
  await reduceExif(file, parts, segment, block, seen, exifOf)
  return true
}

async function segmentOf(
  file: ScannedFile,
  parts: FoundParts,
  marker: number,
  { start, content, end }: Segment,
): Promise<void> {
  if (marker === 0xfe) return parts.cut('comment', await namesPlace(file, content, end), start, end)
  if (marker < 0xe0 || marker > 0xef) return
  const name = await file.text(content, 14, end)
  if (marker === 0xe0 && name.startsWith('JFIF\0')) return await jfif(file, parts, start, end)
  if (marker === 0xe2 && name.startsWith('ICC_PROFILE\0')) return
  if (marker === 0xee && name.startsWith('Adobe')) return await adobe(file, parts, start, end)
  if (marker === 0xed) return parts.cut('IPTC', await iptcNamesPlace(file, content, end), start, end)
  parts.cut('application data', await namesPlace(file, content, end), start, end)
}

/** In bytes: of its marker to its end, without a preview. */
const plainJfif = 18

/** May have a preview, in pixels: of a picture that was cut or blurred later. */
async function jfif(file: ScannedFile, parts: FoundParts, start: number, end: number): Promise<void> {
  if (end - start <= plainJfif) return
  const bytes = Buffer.from(await file.bytes(start, plainJfif))
  bytes.writeUInt16BE(plainJfif - 2, 2)
  bytes.writeUInt16BE(0, plainJfif - 2)
  parts.add('preview', false, { start, end, bytes })
}

/** In bytes: of its marker to its end, as far as decoders read it. */
const adobeLength = 16

/** What follows Adobe's word on colours is nobody's. */
async function adobe(file: ScannedFile, parts: FoundParts, start: number, end: number): Promise<void> {
  if (end - start <= adobeLength) return
  const bytes = Buffer.from(await file.bytes(start, adobeLength))
  bytes.writeUInt16BE(adobeLength - 2, 2)
  parts.add('application data', await namesPlace(file, start + adobeLength, end), { start, end, bytes })
}

function exifOf(tiff: Uint8Array): Uint8Array {
  const head = Buffer.from(`\xff\xe1\0\0${exifName}`, 'latin1')
  head.writeUInt16BE(2 + exifName.length + tiff.byteLength, 2)
  return Buffer.concat([head, tiff])
}

/** The marker at `offset`, before which there may be fill bytes. */
async function markerAt(file: ScannedFile, offset: number): Promise<{ marker: number; end: number }> {
  for (let at = offset; ; at++) {
    const view = await file.at(at, 2)
    if (view.getUint8(0) !== 0xff) throw new Unsearchable('it has bytes between its segments')
    const marker = view.getUint8(1)
    if (marker !== 0xff) return { marker, end: at + 2 }
  }
}

/** Where the coded bytes end: at a marker that is no restart. Null if the file ends first. */
async function endOfScan(file: ScannedFile, start: number): Promise<number | null> {
  for await (const { at, bytes } of file.windows(start, file.size, 1)) {
    for (let i = bytes.indexOf(0xff); i !== -1 && i + 1 < bytes.byteLength; i = bytes.indexOf(0xff, i + 1)) {
      const next = bytes[i + 1] as number
      if (next !== 0 && next !== 0xff && !isRestart(next)) return at + i
    }
  }
  return null
}

const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7

const standsAlone = (marker: number): boolean => marker === 0x01 || isRestart(marker)

/** Whether a length follows, and decoders go on. A second beginning, and reserved markers, end their reading. */
const hasLength = (marker: number): boolean => marker >= 0xc0 && marker !== 0xd8 && marker !== 0xff
