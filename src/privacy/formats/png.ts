import { crc32 } from 'node:zlib'
import { reduceExif } from '../exif.ts'
import { cutTrailing, FoundParts, type Search } from '../parts.ts'
import { namesPlace } from '../places.ts'
import { type ScannedFile, Unsearchable } from '../scanned-file.ts'
import { readTiff } from '../tiff.ts'

/** What decoders use, of the chunks that they may skip: colours, transparency, size on paper, animation. */
const kept = new Set([
  ...['acTL', 'fcTL', 'fdAT', 'bKGD', 'cHRM', 'cICP', 'cLLI', 'cLLi', 'gAMA', 'hIST', 'iCCP', 'mDCV', 'mDCv'],
  ...['pHYs', 'sBIT', 'sPLT', 'sRGB', 'sTER', 'tRNS'],
])

/** Chunk by chunk. A chunk whose name begins with a capital belongs to the picture; of the others, see {@link kept}. */
export async function png(file: ScannedFile): Promise<Search> {
  const parts = new FoundParts()
  let isTurned = false
  for (let start = 8; ; ) {
    const head = await file.at(start, 8)
    const length = head.getUint32(0)
    const type = Buffer.from(head.buffer, head.byteOffset + 4, 4).toString('latin1')
    const [content, end] = [start + 8, start + 12 + length]
    if (!/^[A-Za-z]{4}$/.test(type)) throw new Unsearchable('it has a chunk without a name')
    if (start === 8 && type !== 'IHDR' && type !== 'CgBI') throw new Unsearchable('it does not begin with a header')
    if (end > file.size) throw new Unsearchable('it ends early')
    if (type === 'eXIf') {
      const block = await readTiff(file, content, end - 4)
      await reduceExif(file, parts, { start, end }, block, isTurned, (tiff) => chunkOf('eXIf', tiff))
      isTurned = true
    } else if (!isCritical(type) && !kept.has(type)) {
      parts.cut(names[type] ?? `chunk ${type}`, await isPlace(file, type, content, end - 4), start, end)
    }
    start = end
    if (type !== 'IEND') continue
    await cutTrailing(file, parts, end)
    return { parts: parts.list }
  }
}

const names: Record<string, string> = { tEXt: 'text', zTXt: 'text', iTXt: 'text', tIME: 'time' }

const isCritical = (type: string): boolean => type.charCodeAt(0) < 0x60

/** Compressed text may say anything: inflating it could cost a thousand times its size. */
async function isPlace(file: ScannedFile, type: string, start: number, end: number): Promise<boolean> {
  const text = await file.text(start, 90, end)
  const isCompressed = type === 'zTXt' || (type === 'iTXt' && text[text.indexOf('\0') + 1] === '\x01')
  return isCompressed || text.startsWith('Raw profile type') || (await namesPlace(file, start, end))
}

function chunkOf(type: string, content: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + content.byteLength)
  bytes.writeUInt32BE(content.byteLength)
  bytes.write(type, 4, 'latin1')
  bytes.set(content, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + content.byteLength)), 8 + content.byteLength)
  return bytes
}
