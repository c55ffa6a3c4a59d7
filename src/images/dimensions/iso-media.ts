import { type Box, boxes } from './boxes.ts'
import { type FoundDimensions, type Header, textAt } from './header.ts'
import { firstVideoTrack } from './movie.ts'
import { picture } from './picture.ts'

/** How such a file begins: with `ftyp` since 2001, with any of the others in older QuickTime files. */
const beginnings = ['ftyp', 'styp', 'moov', 'mdat', 'wide', 'skip', 'free', 'pnot', 'uuid', 'junk', 'PICT']
const pictures = /^(?:avi[fs]|mif[12]|msf1|miaf|he[iv][cxms])$/

/** MP4, QuickTime, AVIF and HEIC: nested boxes. An animated picture also has a movie, of the same dimensions. */
export async function isoMedia(header: Header): Promise<FoundDimensions | null> {
  const start = await header.at(4, 4)
  if (!start || !beginnings.includes(textAt(start, 0, 4))) return null
  let its: string[] = []
  let found: FoundDimensions | null = null
  for await (const box of boxes(header, 0, header.size)) {
    if (box.type === 'ftyp') its = await brands(header, box)
    if (box.type === 'meta') {
      const size = await picture(header, box)
      if (size) return { kind: its.some((brand) => /^avi[fs]$/.test(brand)) ? 'avif' : 'heic', ...size }
    }
    if (box.type === 'moov') {
      found = await firstVideoTrack(header, box)
      if (!its.some((brand) => pictures.test(brand))) break
    }
  }
  return found
}

/** The brand and the compatible ones. */
async function brands(header: Header, box: Box): Promise<string[]> {
  const view = await header.at(box.start, Math.min(box.end - box.start, 4096))
  return view ? (textAt(view, 0, view.byteLength).match(/.{4}/gs) ?? []) : []
}
