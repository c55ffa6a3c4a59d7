import { cutTrailing, FoundParts, type Search } from '../../parts.ts'
import { dataNamesPlace } from '../../places.ts'
import { type ScannedFile, Unsearchable } from '../../scanned-file.ts'
import { type Box, blank, boxAt, findBox } from './boxes.ts'
import { items } from './items.ts'
import { fragment, movie } from './movie.ts'
import { spaces, unusedSpace } from './unused-space.ts'

/** What players and viewers use. */
const kept = new Set(['ftyp', 'styp', 'mdat', 'mfra', 'sidx', 'ssix', 'pdin', 'pssh', 'pnot', 'PICT', 'imda'])

/**
 * MP4, QuickTime, HEIC and AVIF. Others point into the file by offsets, so what is private is overwritten in its place,
 * and the file keeps its length; only what follows the last box is cut.
 */
export async function isoMedia(file: ScannedFile): Promise<Search> {
  const parts = new FoundParts()
  const { boxes, end } = await topLevel(file)
  const data = boxes.filter(({ type }) => type === 'mdat')
  const hasFragments = boxes.some(({ type }) => type === 'moof')
  for (const box of boxes) {
    const { type } = box
    if (kept.has(type)) continue
    if (type === 'moov') await movie(file, parts, box, { data, hasFragments })
    else if (type === 'moof') await fragment(file, parts, box)
    else if (spaces.has(type)) await unusedSpace(file, parts, box)
    else if (type === 'meta' && (await isPicture(file, box))) await items(file, parts, box, data)
    else await blank(file, parts, box, await nameOf(file, box))
  }
  await cutTrailing(file, parts, end)
  return { parts: parts.list }
}

/** All boxes of the file, and where they end: some cameras put data of their own behind. */
async function topLevel(file: ScannedFile): Promise<{ boxes: Box[]; end: number }> {
  const boxes: Box[] = []
  let at = 0
  while (at < file.size) {
    const box = await boxAt(file, at, file.size)
    if (box === null) {
      const type = await file.text(at + 4, 4, file.size)
      const isWhole = boxes.some(({ type }) => type === 'moov' || type === 'meta')
      if (!isWhole || kept.has(type) || type === 'moov' || type === 'moof') throw new Unsearchable('it ends early')
      break
    }
    boxes.push(box)
    at = box.end
  }
  return { boxes, end: at }
}

/** A box `meta` that holds pictures: of a HEIF file. In a movie it is about the movie; QuickTime's has no version. */
async function isPicture(file: ScannedFile, { type, start, content, end }: Box): Promise<boolean> {
  if (end - content >= 8 && (await file.text(content + 4, 4, end)) === 'hdlr') return false
  const handler = await findBox(file, { type, start, content: content + 4, end }, 'hdlr')
  return handler !== null && (await file.text(handler.content + 8, 4, handler.end)) === 'pict'
}

const xmp = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex')

async function nameOf(file: ScannedFile, { type, content, end }: Box): Promise<{ name: string; place: boolean }> {
  const isXmp = type === 'uuid' && end - content >= 16 && xmp.equals(await file.bytes(content, 16))
  return { name: isXmp ? 'XMP' : 'application data', place: await dataNamesPlace(file, content, end) }
}
