import type { FoundDimensions } from './dimensions.ts'
import { liesOnItsSide } from './exif.ts'
import { type Header, textAt } from './header.ts'

/** The first chunk has the dimensions. EXIF in one before the pixels may say that they are turned; behind them nobody looks. */
export async function png(header: Header): Promise<FoundDimensions | null> {
  const view = await header.at(0, 24)
  if (view?.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) return null
  if (textAt(view, 12, 4) !== 'IHDR') return null
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  const turned = await isTurned(header)
  return { kind: 'png', width: turned ? height : width, height: turned ? width : height }
}

async function isTurned(header: Header): Promise<boolean> {
  for (let offset = 8; ; ) {
    const chunk = await header.at(offset, 8)
    if (!chunk) return false
    const [length, type] = [chunk.getUint32(0), textAt(chunk, 4, 4)]
    if (type === 'IDAT') return false
    if (type === 'eXIf') {
      const tiff = await header.at(offset + 8, length)
      return tiff !== null && liesOnItsSide(tiff)
    }
    offset += 12 + length
  }
}
