import { saysTurned } from './exif.ts'
import { type FoundDimensions, type Header, textAt } from './header.ts'

/** The first chunk has the dimensions. The first EXIF before the pixels may say that they are rotated. */
export async function png(header: Header): Promise<FoundDimensions | null> {
  const view = await header.at(0, 24)
  if (view?.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) return null
  if (textAt(view, 12, 4) !== 'IHDR') return null
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  let turned: boolean | undefined
  for (let offset = 8; ; ) {
    const chunk = await header.at(offset, 8)
    if (!chunk) return null
    const length = chunk.getUint32(0)
    const type = textAt(chunk, 4, 4)
    if (type === 'IDAT') break
    if (type === 'eXIf') turned ??= await saysTurned(header, offset + 8, length)
    offset += 12 + length
  }
  return turned ? { kind: 'png', width: height, height: width } : { kind: 'png', width, height }
}
