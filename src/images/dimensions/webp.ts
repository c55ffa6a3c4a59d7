import type { FoundDimensions } from './dimensions.ts'
import { liesOnItsSide } from './exif.ts'
import { type Header, textAt } from './header.ts'

/** The first chunk says it: of an extended file the canvas, which EXIF may turn, else the only picture. */
export async function webp(header: Header): Promise<FoundDimensions | null> {
  // A lossless picture of one pixel has less than 30 bytes.
  const view = await header.at(0, Math.min(30, header.size))
  if (!view || view.byteLength < 25 || textAt(view, 0, 4) !== 'RIFF' || textAt(view, 8, 4) !== 'WEBP') return null
  switch (textAt(view, 12, 4)) {
    case 'VP8X': {
      if (view.byteLength < 30) return null
      const [width, height] = [uint24(view, 24) + 1, uint24(view, 27) + 1]
      const turned = (view.getUint8(20) & exifFlag) !== 0 && (await isTurned(header))
      return { kind: 'webp', width: turned ? height : width, height: turned ? width : height }
    }
    case 'VP8 ':
      if (view.byteLength < 30) return null
      return { kind: 'webp', width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
    case 'VP8L': {
      const bits = view.getUint32(21, true)
      return { kind: 'webp', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    default:
      return null
  }
}

const exifFlag = 0x08

async function isTurned(header: Header): Promise<boolean> {
  for (let offset = 12; ; ) {
    const chunk = await header.at(offset, 8)
    if (!chunk) return false
    const length = chunk.getUint32(4, true)
    if (textAt(chunk, 0, 4) === 'EXIF') {
      const tiff = await header.at(offset + 8, length)
      return tiff !== null && liesOnItsSide(tiff)
    }
    offset += 8 + length + (length & 1)
  }
}

function uint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16)
}
