import type { Change } from '../../store/privacy.ts'
import { reduceExif } from '../exif.ts'
import { cutTrailing, type FoundPart, FoundParts, type Search } from '../parts.ts'
import { namesPlace } from '../places.ts'
import { type ScannedFile, Unsearchable } from '../scanned-file.ts'
import { readTiff } from '../tiff.ts'

const kept = new Set(['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF', 'ICCP'])

/** In bytes: the header of the file, whose size counts from its end; where the flags of the header chunk are. */
const [riff, flagsAt] = [8, 20]
const flags = { xmp: 0x04, exif: 0x08 }

/** Chunk by chunk. The header says how long all of them are, and which there are. */
export async function webp(file: ScannedFile): Promise<Search> {
  const parts = new FoundParts()
  const size = (await file.at(4, 4)).getUint32(0, true)
  const whole = riff + size
  if (whole > file.size || size < 4) throw new Unsearchable('it ends early')
  const counts = { EXIF: 0, 'XMP ': 0 }
  let [given, isTurned] = [0, false]
  for (let start = 12; start < whole; ) {
    const head = await file.at(start, 8)
    const type = Buffer.from(head.buffer, head.byteOffset, 4).toString('latin1')
    const length = head.getUint32(4, true)
    const end = start + 8 + length + (length % 2)
    if (start + 8 + length > whole) throw new Unsearchable('it ends early')
    if (type === 'EXIF' || type === 'XMP ') counts[type] += 1
    if (start === 12 && type === 'VP8X' && length > 0) given = (await file.at(flagsAt, 1)).getUint8(0)
    const chunk = { start, content: start + 8, contentEnd: start + 8 + length, end: Math.min(end, whole) }
    if (type === 'EXIF') {
      await exif(file, parts, chunk, isTurned)
      isTurned = true
    } else if (!kept.has(type)) {
      const place = await namesPlace(file, chunk.content, chunk.contentEnd)
      parts.cut(type === 'XMP ' ? 'XMP' : 'other chunk', place, start, chunk.end)
    }
    if (type === 'ANMF') await frame(file, parts, chunk)
    start = chunk.end
  }
  await cutTrailing(file, parts, whole)
  return { parts: parts.list, also: (chosen) => headerOf(chosen, { whole, given, counts }) }
}

interface Chunk {
  start: number
  content: number
  contentEnd: number
  end: number
}

async function exif(file: ScannedFile, parts: FoundParts, chunk: Chunk, seen: boolean): Promise<void> {
  const { content, contentEnd } = chunk
  // Some writers put the name in front that it has in a JPEG.
  const named = (await file.text(content, 6, contentEnd)) === 'Exif\0\0' ? 6 : 0
  const block = await readTiff(file, content + named, contentEnd)
  await reduceExif(file, parts, chunk, block, seen, (tiff) => chunkOf('EXIF', tiff))
}

/** In bytes: before the chunks of a frame. */
const frameHead = 16

/** A frame of an animation has chunks of its own. Unknown ones keep their length, and with them the frame. */
async function frame(file: ScannedFile, parts: FoundParts, { content, contentEnd }: Chunk): Promise<void> {
  for (let start = content + frameHead; start + 8 <= contentEnd; ) {
    const head = await file.at(start, 8)
    const type = Buffer.from(head.buffer, head.byteOffset, 4).toString('latin1')
    const length = head.getUint32(4, true)
    const [inner, end] = [start + 8, start + 8 + length]
    if (end > contentEnd) throw new Unsearchable('it has a frame that ends early')
    if (!kept.has(type) && !(await file.has(inner, end, new Uint8Array(0)))) {
      const change = { start: inner, end, bytes: new Uint8Array(0), fill: 0 }
      parts.add('other chunk', await namesPlace(file, inner, end), change)
    }
    start = end + (length % 2)
  }
}

function chunkOf(type: string, content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32LE(content.byteLength, 4)
  return Buffer.concat([head, content])
}

/** The size without what is cut, and the flags of what is left. */
function headerOf(
  chosen: readonly FoundPart[],
  { whole, given, counts }: { whole: number; given: number; counts: { EXIF: number; 'XMP ': number } },
): Change[] {
  const inside = chosen.filter(({ change }) => change.start < whole && change.fill === undefined)
  const cut = inside.reduce((sum, { change }) => sum + change.end - change.start - change.bytes.byteLength, 0)
  if (cut === 0) return []
  const size = Buffer.alloc(4)
  size.writeUInt32LE(whole - riff - cut)
  const changes: Change[] = [{ start: 4, end: riff, bytes: size }]
  const isGone = (name: string, count: number): boolean =>
    inside.filter((part) => part.name === name && part.change.bytes.byteLength === 0).length === count
  const left =
    given & ~(isGone('Exif', counts.EXIF) ? flags.exif : 0) & ~(isGone('XMP', counts['XMP ']) ? flags.xmp : 0)
  if (left !== given) changes.push({ start: flagsAt, end: flagsAt + 1, bytes: Uint8Array.of(left) })
  return changes
}
