import type { FoundDimensions } from './dimensions.ts'
import { type Header, textAt } from './header.ts'

/** The screen, as far as the first frame does not reach beyond it: many a file says that its screen has no size. */
export async function gif(header: Header): Promise<FoundDimensions | null> {
  const view = await header.at(0, 13)
  if (!view || !/^GIF8[79]a$/.test(textAt(view, 0, 6))) return null
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)]
  const frame = await firstFrame(header, 13 + paletteLength(view.getUint8(10)))
  if (!frame) return { kind: 'gif', width, height }
  const [x, y] = [frame.getUint16(1, true), frame.getUint16(3, true)]
  const [right, bottom] = [x + frame.getUint16(5, true), y + frame.getUint16(7, true)]
  return { kind: 'gif', width: Math.max(width, right), height: Math.max(height, bottom) }
}

const paletteLength = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1))

async function firstFrame(header: Header, start: number): Promise<DataView | null> {
  for (let offset = start; ; ) {
    const introducer = (await header.at(offset, 1))?.getUint8(0)
    if (introducer === 0x2c) return header.at(offset, 9)
    if (introducer !== 0x21) return null
    // An extension: its label, then blocks that say how long they are, up to an empty one.
    for (offset += 2; ; ) {
      const length = (await header.at(offset, 1))?.getUint8(0)
      if (length === undefined) return null
      offset += 1 + length
      if (length === 0) break
    }
  }
}
