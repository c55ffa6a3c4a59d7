import { type Box, boxes, child } from './boxes.ts'
import type { Dimensions, Header } from './header.ts'

/**
 * The primary picture of an AVIF or HEIC: its dimensions (`ispe`), and the transformations applied to it, in the order
 * of the association table: cropped (`clap`), rotated by 90° (`irot`).
 */
export async function picture(header: Header, meta: Box): Promise<Dimensions | null> {
  const inner = { ...meta, start: meta.start + 4 }
  const primary = await child(header, inner, 'pitm')
  const properties = await child(header, inner, 'iprp')
  const container = properties && (await child(header, properties, 'ipco'))
  const item = primary && (await itemId(header, primary))
  if (!container || item === null) return null
  const its = new Map<number, Box>()
  const order: number[] = []
  for await (const table of boxes(header, properties.start, properties.end)) {
    if (table.type === 'ipma') order.push(...(await associated(header, table, item)))
  }
  let index = 0
  for await (const property of boxes(header, container.start, container.end)) {
    index += 1
    if (order.includes(index)) its.set(index, property)
  }
  let size = await dimensionsOf(
    header,
    [...its.values()].find(({ type }) => type === 'ispe'),
  )
  for (const index of order) {
    const property = its.get(index)
    if (!size || !property) continue
    if (property.type === 'clap') size = (await cut(header, property, size)) ?? size
    if (property.type === 'irot' && (await isQuarter(header, property)))
      size = { width: size.height, height: size.width }
  }
  return size
}

async function dimensionsOf(header: Header, property: Box | undefined): Promise<Dimensions | null> {
  const view = property && (await header.at(property.start + 4, 8))
  return view ? { width: view.getUint32(0), height: view.getUint32(4) } : null
}

/** The cropped picture; null if it would be empty or not within the picture, which no decoder crops. */
async function cut(header: Header, property: Box, { width, height }: Dimensions): Promise<Dimensions | null> {
  const view = await header.at(property.start, 32)
  if (!view) return null
  const fraction = (at: number) => view.getInt32(at) / view.getInt32(at + 4)
  const left = { width: Math.round(fraction(0)), height: Math.round(fraction(8)) }
  const [x, y] = [fraction(16), fraction(24)] // from centre to centre
  const lies = (size: number, whole: number, off: number) => size > 0 && Math.abs(off) * 2 <= whole - size + 1
  return lies(left.width, width, x) && lies(left.height, height, y) ? left : null
}

async function isQuarter(header: Header, property: Box): Promise<boolean> {
  return (((await header.at(property.start, 1))?.getUint8(0) ?? 0) & 1) === 1
}

async function itemId(header: Header, primary: Box): Promise<number | null> {
  const version = (await header.at(primary.start, 1))?.getUint8(0)
  const view = await header.at(primary.start + 4, version === 0 ? 2 : 4)
  return view && (version === 0 ? view.getUint16(0) : view.getUint32(0))
}

/** The properties of an item in their order, counted from 1. */
async function associated(header: Header, table: Box, item: number): Promise<number[]> {
  const its: number[] = []
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
    // The top bit means "essential".
    for (let i = 0; id === item && i < count; i++) {
      its.push(wideIndex ? list.getUint16(i * 2) & 0x7fff : list.getUint8(i) & 0x7f)
    }
  }
  return its
}
