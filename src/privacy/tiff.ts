import type { ScannedFile } from './scanned-file.ts'

/** What a TIFF block, as in Exif, says that matters here. */
export interface TiffBlock {
  /** How the picture is turned, from 1 to 8; 1 if nothing valid is said. */
  orientation: number
  /** Whether it says, or may say, where the picture was taken. */
  place: boolean
}

const tags = { orientation: 0x112, xmp: 700, iptc: 33723, gps: 0x8825 }

/** The smallest block with an orientation, in bytes: a header, and a directory of one entry. */
const smallest = 26

/** A damaged block turns nothing, and may name a place. */
export async function readTiff(file: ScannedFile, start: number, end: number): Promise<TiffBlock> {
  const found: TiffBlock = { orientation: 1, place: false }
  const directory = end - start >= 8 ? await directoryOf(file, start, end) : null
  if (directory === null) return { ...found, place: true }
  const { little, entries } = directory
  let [isFirst, directories] = [true, 0]
  for (const { tag, type, count, value } of await readEntries(file, entries, little)) {
    if (tag === tags.xmp || tag === tags.iptc) found.place = true
    // Of several, one is read: otherwise a small block would cost much time.
    if (tag === tags.gps) found.place ||= directories++ > 0 || (await saysWhere(file, start, end, value, little))
    if (tag !== tags.orientation || !isFirst) continue
    isFirst = false
    // As decoders read it: a short, in the half of the value that comes first.
    const orientation = type === 3 ? (little ? value & 0xffff : value >>> 16) : value
    if ((type === 3 || type === 4) && count === 1 && orientation >= 1 && orientation <= 8)
      found.orientation = orientation
  }
  return found
}

/** A block that says nothing but how the picture is turned. */
export function tiffOf(orientation: number): Uint8Array {
  const bytes = Buffer.alloc(smallest)
  bytes.write('MM\0*', 'latin1')
  bytes.writeUInt32BE(8, 4)
  bytes.writeUInt16BE(1, 8)
  bytes.writeUInt16BE(tags.orientation, 10)
  bytes.writeUInt16BE(3, 12)
  bytes.writeUInt32BE(1, 14)
  bytes.writeUInt16BE(orientation, 18)
  return bytes
}

interface Directory {
  little: boolean
  entries: { start: number; count: number }
}

async function directoryOf(file: ScannedFile, start: number, end: number): Promise<Directory | null> {
  const head = await file.at(start, 8)
  const order = head.getUint16(0)
  if (order !== 0x4949 && order !== 0x4d4d) return null
  const little = order === 0x4949
  if (head.getUint16(2, little) !== 42) return null
  const entries = await entriesAt(file, start, end, head.getUint32(4, little), little)
  return entries && { little, entries }
}

async function entriesAt(
  file: ScannedFile,
  start: number,
  end: number,
  offset: number,
  little: boolean,
): Promise<Directory['entries'] | null> {
  const at = start + offset
  if (at + 2 > end) return null
  const count = (await file.at(at, 2)).getUint16(0, little)
  return { start: at + 2, count: Math.min(count, Math.floor((end - at - 2) / 12)) }
}

async function readEntries(
  file: ScannedFile,
  { start, count }: Directory['entries'],
  little: boolean,
): Promise<{ tag: number; type: number; count: number; value: number }[]> {
  const view = await file.at(start, count * 12)
  return Array.from({ length: count }, (_, i) => ({
    tag: view.getUint16(i * 12, little),
    type: view.getUint16(i * 12 + 2, little),
    count: view.getUint32(i * 12 + 4, little),
    value: view.getUint32(i * 12 + 8, little),
  }))
}

/** Cameras without a receiver write a directory too: with its version, or with a time. */
async function saysWhere(
  file: ScannedFile,
  start: number,
  end: number,
  offset: number,
  little: boolean,
): Promise<boolean> {
  const entries = await entriesAt(file, start, end, offset, little)
  if (!entries) return true
  const harmless = [0, 7, 29] // version, time, date
  return (await readEntries(file, entries, little)).some(({ tag }) => !harmless.includes(tag))
}
