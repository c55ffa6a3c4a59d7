import { saysTurned } from './exif.ts'
import { type FoundDimensions, type Header, textAt } from './header.ts'

const flags = { animated: 0x02, exif: 0x08 }

interface Chunk {
  type: string
  start: number
  length: number
}

/** The first chunk has the dimensions: of an extended file the canvas, otherwise the only picture. */
export async function webp(header: Header): Promise<FoundDimensions | null> {
  const riff = await header.at(0, 12)
  if (!riff || textAt(riff, 0, 4) !== 'RIFF' || textAt(riff, 8, 4) !== 'WEBP') return null
  const end = Math.min(8 + riff.getUint32(4, true), header.size)
  for await (const first of chunks(header, 12, end)) {
    const found = first.type === 'VP8X' ? await extended(header, first, end) : await picture(header, first)
    return found && { kind: 'webp', ...found }
  }
  return null
}

async function picture(header: Header, { type, start }: Chunk): Promise<{ width: number; height: number } | null> {
  if (type === 'VP8 ') {
    const view = await header.at(start, 10)
    if (view?.getUint8(3) !== 0x9d || view.getUint16(4) !== 0x012a) return null
    // The two bits above are a scaling hint, which every decoder ignores.
    return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff }
  }
  const view = type === 'VP8L' ? await header.at(start, 5) : null
  if (view?.getUint8(0) !== 0x2f) return null
  const bits = view.getUint32(1, true)
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}

/** A still picture must fill its canvas. EXIF counts if the header announces it, wherever it is. */
async function extended(header: Header, first: Chunk, end: number): Promise<{ width: number; height: number } | null> {
  const view = await header.at(first.start, 10)
  if (!view) return null
  const its = view.getUint8(0)
  const canvas = { width: uint24(view, 4) + 1, height: uint24(view, 7) + 1 }
  let fits = (its & flags.animated) !== 0
  let turned: boolean | undefined = (its & flags.exif) === 0 ? false : undefined
  for await (const chunk of chunks(header, first.start + first.length, end)) {
    if (chunk.type === 'EXIF') turned ??= await exif(header, chunk)
    if (!fits && chunk.type.startsWith('VP8')) {
      const found = await picture(header, chunk)
      if (found?.width !== canvas.width || found.height !== canvas.height) return null
      fits = true
    }
    if (fits && turned !== undefined) break
  }
  if (!fits) return null
  return turned ? { width: canvas.height, height: canvas.width } : canvas
}

/** A TIFF block, possibly after the name that JPEG puts before it. */
async function exif(header: Header, { start, length }: Chunk): Promise<boolean> {
  const name = length >= 6 ? await header.at(start, 6) : null
  const skip = name && textAt(name, 0, 6) === 'Exif\0\0' ? 6 : 0
  return await saysTurned(header, start + skip, length - skip)
}

async function* chunks(header: Header, start: number, end: number): AsyncGenerator<Chunk> {
  for (let offset = start; offset + 8 <= end; ) {
    const view = await header.at(offset, 8)
    if (!view) return
    const length = view.getUint32(4, true)
    yield { type: textAt(view, 0, 4), start: offset + 8, length }
    offset += 8 + length + (length % 2)
  }
}

function uint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16)
}
