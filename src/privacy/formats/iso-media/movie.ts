import type { FoundParts } from '../../parts.ts'
import { namesPlace } from '../../places.ts'
import { type ScannedFile, Unsearchable } from '../../scanned-file.ts'
import { type Box, blank, boxesIn, contentOf, findBox } from './boxes.ts'
import { wipeBlocks, wipeSamples } from './samples.ts'
import { spaces, unusedSpace } from './unused-space.ts'

/** What players use, in each kind of box. */
const kept: Record<string, ReadonlySet<string>> = {
  moov: new Set(['mvhd', 'trak', 'mvex', 'iods', 'ctab', 'clip', 'prfl', 'pssh']),
  trak: new Set(['tkhd', 'edts', 'tref', 'mdia', 'load', 'imap', 'matt', 'txas', 'clip', 'trgr', 'tapt']),
  mdia: new Set(['mdhd', 'hdlr', 'minf', 'elng']),
}

/**
 * Tracks of what is shown and heard, and of how: subtitles, time codes, the scenes of MPEG-4. All others are of what sensors
 * say at each moment, such as the place; each maker has a name of his own for his.
 */
const shown = new Set([
  ...['vide', 'soun', 'pict', 'auxv', 'subt', 'sbtl', 'subp', 'text', 'clcp', 'tmcd', 'hint'],
  ...['odsm', 'sdsm', 'ocsm', 'MPEG', 'musi', 'sprt', 'strm', 'qd3d', 'twen'],
])

/** The shape of a spherical video. Without it the picture looks wrong. */
const spherical = 'ffcc82637f855e4a938814587a02521f'

export interface MovieOptions {
  /** The boxes with samples. */
  data: readonly Box[]
  hasFragments: boolean
}

export async function movie(file: ScannedFile, parts: FoundParts, moov: Box, options: MovieOptions): Promise<void> {
  for await (const box of boxesIn(file, moov.content, moov.end)) {
    if (box.type === 'gps ') await wipeBlocks(file, parts, box, options.data)
  }
  await list(file, parts, moov, async (box) => {
    if (box.type === 'mvhd') await times(file, parts, box)
    if (box.type === 'trak') await track(file, parts, box, options)
  })
}

async function track(file: ScannedFile, parts: FoundParts, trak: Box, options: MovieOptions): Promise<void> {
  const handler = await findBox(file, trak, 'mdia', 'hdlr')
  const type = handler && (await file.text(handler.content + 8, 4, handler.end))
  if (type !== null && !shown.has(type)) return await sensor(file, parts, trak, options)
  await list(file, parts, trak, async (box) => {
    if (box.type === 'tkhd') await times(file, parts, box)
    if (box.type !== 'mdia') return
    await list(file, parts, box, async (inner) => {
      if (inner.type === 'mdhd') await times(file, parts, inner)
    })
  })
}

/** A track of a sensor: it goes as a whole, and its samples. Apple's say by name what they are about. */
async function sensor(file: ScannedFile, parts: FoundParts, trak: Box, options: MovieOptions): Promise<void> {
  if (options.hasFragments) throw new Unsearchable('it has a track of metadata in fragments')
  const table = await findBox(file, trak, 'mdia', 'minf', 'stbl')
  const description = table && (await findBox(file, table, 'stsd'))
  if (!table || !description) throw new Unsearchable('it has a track without samples')
  const isNamed = (await file.text(description.content + 12, 4, description.end)) === 'mebx'
  const place = !isNamed || (await namesPlace(file, description.content, description.end))
  const part = { name: 'timed metadata', place }
  await wipeSamples(file, parts, table, options.data, part)
  await blank(file, parts, trak, part)
}

/** Goes through a list, and blanks what players do not need. */
async function list(
  file: ScannedFile,
  parts: FoundParts,
  parent: Box,
  each: (box: Box) => Promise<void>,
): Promise<void> {
  for await (const box of boxesIn(file, parent.content, parent.end)) {
    if (box.type === 'cmov') throw new Unsearchable('its index is compressed')
    if (kept[parent.type]?.has(box.type)) await each(box)
    else if (spaces.has(box.type)) await unusedSpace(file, parts, box)
    else if (!(await isSpherical(file, box))) {
      const place = await namesPlace(file, box.content, box.end)
      await blank(file, parts, box, { name: names[box.type] ?? 'application data', place })
    }
  }
}

const names: Record<string, string> = { udta: 'user data', meta: 'metadata' }

async function isSpherical(file: ScannedFile, { type, content, end }: Box): Promise<boolean> {
  if (type !== 'uuid' || end - content < 16) return false
  return Buffer.from(await file.bytes(content, 16)).toString('hex') === spherical
}

/** When it was made, to the second. Zero means unknown. */
async function times(file: ScannedFile, parts: FoundParts, box: Box): Promise<void> {
  const length = (await contentOf(file, box, 1)).getUint8(0) === 1 ? 16 : 8
  await contentOf(file, box, 4 + length)
  const [start, end] = [box.content + 4, box.content + 4 + length]
  if (await file.has(start, end, new Uint8Array(0))) return
  parts.add('times', false, { start, end, bytes: new Uint8Array(0), fill: 0 })
}

/** A fragment of a movie: what is said about it. */
export async function fragment(file: ScannedFile, parts: FoundParts, parent: Box): Promise<void> {
  for await (const box of boxesIn(file, parent.content, parent.end)) {
    if (box.type === 'traf' && parent.type === 'moof') await fragment(file, parts, box)
    if (box.type !== 'udta' && box.type !== 'meta') continue
    const place = await namesPlace(file, box.content, box.end)
    await blank(file, parts, box, { name: names[box.type] as string, place })
  }
}
