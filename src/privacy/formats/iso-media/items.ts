import type { FoundParts } from '../../parts.ts'
import { namesPlace } from '../../places.ts'
import type { ScannedFile } from '../../scanned-file.ts'
import { readTiff, tiffOf } from '../../tiff.ts'
import { type Box, blank, boxesIn, contentOf, findBox } from './boxes.ts'
import { type Extent, locate } from './item-locations.ts'
import { spaces, unusedSpace } from './unused-space.ts'

/** Properties of pictures that say what is not to be seen: descriptions, and when they were made or changed. */
const properties: Record<string, string> = { udes: 'description', crtt: 'times', mdft: 'times', itai: 'times' }

/** A packet without content. */
const emptyXmp = Buffer.from('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')

/** The items of a HEIF file that are not pictures: Exif, XMP and others. Their content is overwritten; the items stay. */
export async function items(file: ScannedFile, parts: FoundParts, meta: Box, data: readonly Box[]): Promise<void> {
  const inner = { ...meta, content: meta.content + 4 }
  const found: { id: number; kind: Kind }[] = []
  for await (const box of boxesIn(file, inner.content, inner.end)) {
    if (spaces.has(box.type)) await unusedSpace(file, parts, box)
    if (['uuid', 'udta', 'xml ', 'bxml'].includes(box.type)) {
      const place = await namesPlace(file, box.content, box.end)
      await blank(file, parts, box, { name: 'application data', place })
    }
    if (box.type === 'iprp') await propertiesOf(file, parts, box)
    if (box.type === 'iinf') found.push(...(await privateItems(file, box)))
  }
  if (found.length === 0) return
  const locations = await locate(file, inner, data, new Set(found.map(({ id }) => id)))
  for (const { id, kind } of found) {
    const extents = locations.get(id) ?? []
    const [only] = extents
    if (kind === 'Exif' && extents.length === 1 && only) await exif(file, parts, only)
    else for (const extent of extents) await overwrite(file, parts, kind, extent)
  }
}

/** They are counted from the first, so they become unused space. */
async function propertiesOf(file: ScannedFile, parts: FoundParts, iprp: Box): Promise<void> {
  const container = await findBox(file, iprp, 'ipco')
  if (!container) return
  for await (const box of boxesIn(file, container.content, container.end)) {
    const name = properties[box.type]
    if (name !== undefined) await blank(file, parts, box, { name, place: await namesPlace(file, box.content, box.end) })
  }
}

type Kind = 'Exif' | 'XMP' | 'application data'

async function privateItems(file: ScannedFile, iinf: Box): Promise<{ id: number; kind: Kind }[]> {
  const version = (await contentOf(file, iinf, 6)).getUint8(0)
  const found: { id: number; kind: Kind }[] = []
  for await (const box of boxesIn(file, iinf.content + (version === 0 ? 6 : 8), iinf.end)) {
    if (box.type !== 'infe') continue
    const entry = await itemOf(file, box)
    if (entry) found.push(entry)
  }
  return found
}

async function itemOf(file: ScannedFile, infe: Box): Promise<{ id: number; kind: Kind } | null> {
  const version = (await contentOf(file, infe, 8)).getUint8(0)
  const view = await contentOf(file, infe, version === 3 ? 14 : version === 2 ? 12 : 8)
  const id = version === 3 ? view.getUint32(4) : view.getUint16(4)
  const typeAt = version === 3 ? 10 : 8
  const type = version < 2 ? 'mime' : Buffer.from(view.buffer, view.byteOffset + typeAt, 4).toString('latin1')
  if (type === 'Exif') return { id, kind: 'Exif' }
  if (type === 'uri ') return { id, kind: 'application data' }
  if (type !== 'mime') return null
  const strings = await file.text(infe.content + typeAt, 300, infe.end)
  return { id, kind: strings.includes('rdf+xml') ? 'XMP' : 'application data' }
}

/** The Exif of an item begins with how far its TIFF block is away. The pictures are turned by their own properties. */
async function exif(file: ScannedFile, parts: FoundParts, { start, end }: Extent): Promise<void> {
  const tiff = end - start >= 4 ? start + 4 + (await file.at(start, 4)).getUint32(0) : end
  const { orientation, place } = await readTiff(file, Math.min(tiff, end), end)
  const bytes = Buffer.concat([Buffer.alloc(4), tiffOf(orientation)])
  const kept = bytes.byteLength <= end - start ? bytes : new Uint8Array(0)
  if (await file.has(start, end, kept)) return
  parts.add('Exif', place, { start, end, bytes: kept, fill: 0 })
}

async function overwrite(file: ScannedFile, parts: FoundParts, kind: Kind, { start, end }: Extent): Promise<void> {
  const isText = kind === 'XMP'
  const bytes = isText && end - start >= emptyXmp.byteLength ? emptyXmp : new Uint8Array(0)
  const fill = isText ? 0x20 : 0
  if (await file.has(start, end, bytes, fill)) return
  const place = await namesPlace(file, start, end)
  parts.add(kind, place, { start, end, bytes, fill })
}
