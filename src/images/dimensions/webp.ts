import type { FoundDimensions } from './dimensions.ts'
import { type Header, textAt } from './header.ts'

/** The first chunk says it: of an extended file the canvas, else the only picture. */
export async function webp(header: Header): Promise<FoundDimensions | null> {
  const view = await header.at(0, 30)
  if (!view || textAt(view, 0, 4) !== 'RIFF' || textAt(view, 8, 4) !== 'WEBP') return null
  switch (textAt(view, 12, 4)) {
    case 'VP8X':
      return { kind: 'webp', width: uint24(view, 24) + 1, height: uint24(view, 27) + 1 }
    case 'VP8 ':
      return { kind: 'webp', width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
    case 'VP8L': {
      const bits = view.getUint32(21, true)
      return { kind: 'webp', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    default:
      return null
  }
}

function uint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16)
}
