import { type FoundDimensions, type Header, textAt } from './header.ts'

/** The logical screen, or the size of the first frame if the screen is too small for it. */
export async function gif(header: Header): Promise<FoundDimensions | null> {
  const view = await header.at(0, 13)
  if (!view || !/^GIF8[79]a$/.test(textAt(view, 0, 6))) return null
  const frame = await firstFrame(header, 13 + tableSize(view.getUint8(10)))
  if (!frame) return null
  const width = Math.max(view.getUint16(6, true), frame.right)
  const height = Math.max(view.getUint16(8, true), frame.bottom)
  return { kind: 'gif', width, height }
}

/** Size in bytes of the colour table that the flags announce. */
function tableSize(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0
}

async function firstFrame(header: Header, start: number): Promise<{ right: number; bottom: number } | null> {
  for (let offset = start; ; ) {
    const kind = (await header.at(offset, 1))?.getUint8(0)
    if (kind === 0x2c) {
      const view = await header.at(offset + 1, 8)
      const at = (i: number) => view?.getUint16(i, true) ?? 0
      return view && { right: at(0) + at(4), bottom: at(2) + at(6) }
    }
    if (kind === 0x21) {
      offset += 2 // and its label
      for (;;) {
        const length = (await header.at(offset, 1))?.getUint8(0)
        if (length === undefined) return null
        offset += 1 + length
        if (length === 0) break
      }
    } else if (kind === 0) offset += 1
    else return null
  }
}
