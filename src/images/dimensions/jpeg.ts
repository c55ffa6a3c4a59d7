import { saysTurned } from './exif.ts'
import { type FoundDimensions, type Header, textAt } from './header.ts'

const block = 4096

/**
 * From marker to marker up to the scan, as libjpeg reads it: bytes that are not a marker are skipped, and EXIF may come
 * after the frame. The first EXIF counts.
 */
export async function jpeg(header: Header): Promise<FoundDimensions | null> {
  const start = await header.at(0, 3)
  // The beginning is followed by a marker or its fill byte: otherwise two bytes would make anything a JPEG.
  if (start?.getUint16(0) !== 0xffd8 || (start.getUint8(2) !== 0xff && start.getUint8(2) !== 0)) return null
  let size: { width: number; height: number } | null = null
  let turned: boolean | undefined
  for (let offset = 2; ; ) {
    const found = await nextMarker(header, offset)
    if (!found || !isKnown(found.marker)) return null
    const { marker, end } = found
    offset = end
    if (standsAlone(marker)) continue
    const length = (await header.at(offset, 2))?.getUint16(0)
    if (length === undefined) return null
    if (marker === 0xda) break // the scan
    if (isFrame(marker)) {
      if (size) return null
      size = await frame(header, offset, length)
      if (!size) return null
    }
    if (marker === 0xe1 && turned === undefined) turned = await exif(header, offset + 2, length - 2)
    offset += Math.max(length, 2)
  }
  if (!size) return null
  return turned ? { kind: 'jpeg', width: size.height, height: size.width } : { kind: 'jpeg', ...size }
}

/** The next marker at or after `offset`, and where it ends. */
async function nextMarker(header: Header, offset: number): Promise<{ marker: number; end: number } | null> {
  for (let start = offset; ; start += block - 1) {
    const view = await header.at(start, Math.min(block, header.size - start))
    if (!view) return null
    for (let i = 0; i + 1 < view.byteLength; i++) {
      const marker = view.getUint8(i + 1)
      if (view.getUint8(i) === 0xff && marker !== 0 && marker !== 0xff) return { marker, end: start + i + 2 }
    }
    if (view.byteLength < block) return null
  }
}

const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)

/** Baseline, extended and progressive, with Huffman or arithmetic coding: what browsers show. */
const isFrame = (marker: number): boolean => [0xc0, 0xc1, 0xc2, 0xc9, 0xca].includes(marker)

/**
 * Whether reading can continue: other frames, a second beginning, the end and reserved markers are errors to decoders.
 */
function isKnown(marker: number): boolean {
  if (isFrame(marker) || standsAlone(marker)) return true
  if (marker >= 0xe0 && marker <= 0xef) return true // application segments
  return [0xc4, 0xcc, 0xda, 0xdb, 0xdc, 0xdd, 0xfe].includes(marker) // tables, the scan, a comment
}

async function frame(
  header: Header,
  offset: number,
  length: number,
): Promise<{ width: number; height: number } | null> {
  const view = await header.at(offset + 2, 6)
  const isWhole = view && view.getUint8(0) === 8 && length === 8 + view.getUint8(5) * 3
  return isWhole ? { width: view.getUint16(3), height: view.getUint16(1) } : null
}

/** Undefined if the segment is something else, such as XMP. */
async function exif(header: Header, offset: number, length: number): Promise<boolean | undefined> {
  const name = length >= 6 ? await header.at(offset, 6) : null
  if (!name || textAt(name, 0, 4) !== 'Exif') return undefined
  return textAt(name, 4, 2) === '\0\0' && (await saysTurned(header, offset + 6, length - 6))
}
