import { type Header, textAt } from './header.ts'

/** A box of an ISO base media file: where its content begins and ends. */
export interface Box {
  type: string
  start: number
  end: number
}

export async function child(header: Header, parent: Box, ...path: string[]): Promise<Box | null> {
  const [type, ...rest] = path
  for await (const box of boxes(header, parent.start, parent.end)) {
    if (box.type === type) return rest.length > 0 ? await child(header, box, ...rest) : box
  }
  return null
}

export async function* boxes(header: Header, start: number, end: number): AsyncGenerator<Box> {
  for (let offset = start; offset + 8 <= end; ) {
    const view = await header.at(offset, 8)
    if (!view) return
    let size = view.getUint32(0)
    let head = 8
    if (size === 1) {
      const large = await header.at(offset + 8, 8)
      if (!large) return
      size = Number(large.getBigUint64(0))
      head = 16
    } else if (size === 0) size = end - offset // to the end
    if (size < head || offset + size > end) return
    yield { type: textAt(view, 4, 4), start: offset + head, end: offset + size }
    offset += size
  }
}
