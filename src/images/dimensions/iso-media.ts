import type { Dimensions, FoundDimensions } from './dimensions.ts'
import { type Header, textAt } from './header.ts'

/** A box of an ISO base media file: where its content begins and ends. */
interface Box {
  type: string
  start: number
  end: number
}

/** What a file may begin with. QuickTime's need no brand, and were often written with padding before all else. */
const firstBoxes = new Set(['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot', 'styp'])

/** MP4, QuickTime, AVIF and HEIC: boxes within boxes. */
export async function isoMedia(header: Header): Promise<FoundDimensions | null> {
  const start = await header.at(4, 4)
  if (!start || !firstBoxes.has(textAt(start, 0, 4))) return null
  let kind: 'avif' | 'heic' = 'heic'
  for await (const box of boxes(header, 0, header.size)) {
    if (box.type === 'ftyp' && (await brands(header, box)).some((brand) => /^avi[fs]$/.test(brand))) kind = 'avif'
    if (box.type === 'meta') {
      const found = await picture(header, box, kind)
      if (found) return found
    }
    if (box.type === 'moov') return await firstVideoTrack(header, box)
  }
  return null
}

/** The brand and those that it is compatible with, the first few. */
async function brands(header: Header, box: Box): Promise<string[]> {
  const view = await header.at(box.start, Math.min(box.end - box.start, 64))
  return view ? (textAt(view, 0, view.byteLength).match(/.{4}/gs) ?? []) : []
}

async function firstVideoTrack(header: Header, movie: Box): Promise<FoundDimensions | null> {
  for await (const track of boxes(header, movie.start, movie.end)) {
    if (track.type !== 'trak') continue
    const trackHeader = await child(header, track, 'tkhd')
    const version = trackHeader && (await header.at(trackHeader.start, 1))?.getUint8(0)
    if (!trackHeader || version === undefined || version === null) continue
    // Behind times of 4 or 8 bytes: the matrix, and the dimensions in 16.16.
    const view = await header.at(trackHeader.start + (version === 1 ? 52 : 40), 44)
    if (!view) continue
    const presented = { width: view.getUint32(36) >>> 16, height: view.getUint32(40) >>> 16 }
    // Players go by the samples' own size; what is presented is often 0, or as some editor wanted it.
    const { width, height } = (await sampleSize(header, track)) ?? presented
    if (width === 0 || height === 0) continue // sound
    const turned = view.getInt32(0) === 0 && view.getInt32(4) !== 0
    return { kind: 'video', width: turned ? height : width, height: turned ? width : height }
  }
  return null
}

/** The first sample description's size in square pixels; null where the track has none, as sound. */
async function sampleSize(header: Header, track: Box): Promise<Dimensions | null> {
  const media = await child(header, track, 'mdia')
  const handler = media && (await child(header, media, 'hdlr'))
  const kind = handler && (await header.at(handler.start + 8, 4))
  if (!media || !kind) return null
  if (textAt(kind, 0, 4) !== 'vide') return { width: 0, height: 0 }
  let box: Box | null = media
  for (const type of ['minf', 'stbl', 'stsd']) box = box && (await child(header, box, type))
  if (!box) return null
  for await (const entry of boxes(header, box.start + 8, box.end)) {
    const size = await header.at(entry.start + 24, 4)
    if (!size) return null
    const [width, height] = [size.getUint16(0), size.getUint16(2)]
    if (width === 0 || height === 0) return null
    return inSquarePixels(width, height, await pixelShape(header, entry))
  }
  return null
}

/** `pasp`: how wide and how high a pixel is. */
async function pixelShape(header: Header, entry: Box): Promise<Dimensions> {
  const shape = await child(header, { ...entry, start: entry.start + 78 }, 'pasp')
  const view = shape && (await header.at(shape.start, 8))
  const [width, height] = view ? [view.getUint32(0), view.getUint32(4)] : [1, 1]
  return width > 0 && height > 0 ? { width, height } : { width: 1, height: 1 }
}

/** Nothing is made smaller: wide pixels make the picture wider, high ones higher. */
function inSquarePixels(width: number, height: number, pixel: Dimensions): Dimensions {
  const ratio = pixel.width / pixel.height
  if (ratio >= 1) return { width: Math.round(width * ratio), height }
  return { width, height: Math.round(height / ratio) }
}

/** The primary picture's `ispe` (dimensions), `clap` (what is cut out) and `irot` (turns by 90°), found through the table of associations. */
async function picture(header: Header, meta: Box, kind: 'avif' | 'heic'): Promise<FoundDimensions | null> {
  const inner = { ...meta, start: meta.start + 4 }
  const primary = await child(header, inner, 'pitm')
  const properties = await child(header, inner, 'iprp')
  const container = properties && (await child(header, properties, 'ipco'))
  const table = properties && (await child(header, properties, 'ipma'))
  const item = primary && (await itemId(header, primary))
  if (!container || !table || item === null) return null
  const its = await associated(header, table, item)
  let found: Dimensions | null = null
  let cut: Dimensions | null = null
  let turned = false
  let index = 0
  for await (const property of boxes(header, container.start, container.end)) {
    index += 1
    if (!its.has(index)) continue
    if (property.type === 'ispe') {
      const view = await header.at(property.start + 4, 8)
      if (view) found = { width: view.getUint32(0), height: view.getUint32(4) }
    } else if (property.type === 'clap') {
      cut = await cutOut(header, property)
    } else if (property.type === 'irot') {
      turned = (((await header.at(property.start, 1))?.getUint8(0) ?? 0) & 1) === 1
    }
  }
  if (!found) return null
  if (cut && cut.width <= found.width && cut.height <= found.height) found = cut
  return turned ? { kind, width: found.height, height: found.width } : { kind, ...found }
}

/** In whole pixels, as fractions: the width's numerator and denominator, then the height's. */
async function cutOut(header: Header, property: Box): Promise<Dimensions | null> {
  const view = await header.at(property.start, 16)
  if (!view) return null
  const width = view.getUint32(0) / view.getUint32(4)
  const height = view.getUint32(8) / view.getUint32(12)
  return Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 ? { width, height } : null
}

async function itemId(header: Header, primary: Box): Promise<number | null> {
  const version = (await header.at(primary.start, 1))?.getUint8(0)
  const view = await header.at(primary.start + 4, version === 0 ? 2 : 4)
  return view && (version === 0 ? view.getUint16(0) : view.getUint32(0))
}

/** The properties of an item, counted from 1. */
async function associated(header: Header, table: Box, item: number): Promise<Set<number>> {
  const its = new Set<number>()
  const start = await header.at(table.start, 8)
  if (!start) return its
  const wideId = start.getUint8(0) >= 1
  const wideIndex = (start.getUint8(3) & 1) === 1
  let offset = table.start + 8
  for (let entry = 0; entry < start.getUint32(4); entry++) {
    const head = await header.at(offset, wideId ? 5 : 3)
    if (!head) break
    const id = wideId ? head.getUint32(0) : head.getUint16(0)
    const count = head.getUint8(wideId ? 4 : 2)
    offset += head.byteLength
    const size = wideIndex ? 2 : 1
    const list = await header.at(offset, count * size)
    if (!list) break
    offset += list.byteLength
    // The top bit says "essential".
    for (let i = 0; id === item && i < count; i++) {
      its.add(wideIndex ? list.getUint16(i * 2) & 0x7fff : list.getUint8(i) & 0x7f)
    }
  }
  return its
}

async function child(header: Header, parent: Box, type: string): Promise<Box | null> {
  for await (const box of boxes(header, parent.start, parent.end)) if (box.type === type) return box
  return null
}

async function* boxes(header: Header, start: number, end: number): AsyncGenerator<Box> {
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
