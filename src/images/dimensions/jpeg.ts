import type { FoundDimensions } from './dimensions.ts'
import { liesOnItsSide } from './exif.ts'
import { type Header, textAt } from './header.ts'

/**
 * From marker to marker, up to the frame that has the dimensions. EXIF before it may say that they are turned: the first
 * block of it does, even where it says nothing.
 */
export async function jpeg(header: Header): Promise<FoundDimensions | null> {
  const start = await header.at(0, 3)
  if (start?.getUint16(0) !== 0xffd8 || start.getUint8(2) !== 0xff) return null
  let turned: boolean | null = null
  for (let offset = 2; ; ) {
    const at = await nextMarker(header, offset)
    const segment = at === null ? null : await header.at(at, 4)
    if (at === null || segment === null) return null
    const marker = segment.getUint8(1)
    const length = segment.getUint16(2)
    if (isFrame(marker)) {
      const frame = await header.at(at + 4, 5)
      if (!frame) return null
      const [height, width] = [frame.getUint16(1), frame.getUint16(3)]
      return { kind: 'jpeg', width: turned ? height : width, height: turned ? width : height }
    }
    if (marker === 0xda || length < 2) return null // pixels before a frame
    if (marker === 0xe1) turned ??= await exifIn(header, at + 4, length - 2)
    offset = at + 2 + length
  }
}

const lookLength = 1024

/** As decoders find it: they pass over what is no marker, such as the zero bytes that some phones write. */
async function nextMarker(header: Header, start: number): Promise<number | null> {
  for (let offset = start; ; ) {
    const view = await header.at(offset, Math.min(lookLength, header.size - offset))
    if (!view || view.byteLength < 2) return null
    for (let i = 0; i + 1 < view.byteLength; i++) {
      const next = view.getUint8(i + 1)
      if (view.getUint8(i) === 0xff && next !== 0 && next !== 0xff) return offset + i
    }
    offset += view.byteLength - 1 // its last byte may begin a marker
  }
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

/** Null where the segment is no EXIF. */
async function exifIn(header: Header, offset: number, length: number): Promise<boolean | null> {
  const segment = await header.at(offset, length)
  if (!segment || length < 6 || textAt(segment, 0, 6) !== 'Exif\0\0') return null
  return liesOnItsSide(segment)
}
