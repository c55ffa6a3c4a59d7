import type { FoundDimensions } from './dimensions.ts'
import { type Header, textAt } from './header.ts'

// The two formats that have their dimensions at a fixed place.

export async function png(header: Header): Promise<FoundDimensions | null> {
  const view = await header.at(0, 24)
  if (view?.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) return null
  if (textAt(view, 12, 4) !== 'IHDR') return null
  return { kind: 'png', width: view.getUint32(16), height: view.getUint32(20) }
}

export async function gif(header: Header): Promise<FoundDimensions | null> {
  const view = await header.at(0, 10)
  if (!view || !/^GIF8[79]a$/.test(textAt(view, 0, 6))) return null
  return { kind: 'gif', width: view.getUint16(6, true), height: view.getUint16(8, true) }
}
