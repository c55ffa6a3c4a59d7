import { type Header, textAt } from './header.ts'

const tag = 0x112
/** Bytes of a whole number, by its EXIF type. Cameras write shorts; sharp accepts every type that fits. */
const sizes: Record<number, 1 | 2 | 4> = { 1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4 }

/**
 * Whether a TIFF block, as in EXIF, says that width and height are swapped: an orientation of 5 to 8. The first entry
 * of its first directory counts; a broken or unknown block says nothing.
 */
export async function saysTurned(header: Header, start: number, length: number): Promise<boolean> {
  const block = length >= 8 ? await header.at(start, 8) : null
  const order = block && textAt(block, 0, 2)
  if (!block || (order !== 'II' && order !== 'MM')) return false
  const little = order === 'II'
  if (block.getUint16(2, little) !== 42) return false
  const directory = block.getUint32(4, little)
  const count = directory + 2 <= length ? await header.at(start + directory, 2) : null
  if (!count) return false
  const entries = Math.min(count.getUint16(0, little), Math.floor((length - directory - 2) / 12))
  for (let i = 0; i < entries; i++) {
    const entry = await header.at(start + directory + 2 + i * 12, 12)
    if (!entry) return false
    if (entry.getUint16(0, little) === tag) return isSide(firstValue(entry, little))
  }
  return false
}

function isSide(orientation: number): boolean {
  return orientation >= 5 && orientation <= 8
}

/** The first value of an entry that contains it directly; 0 for any other. */
function firstValue(entry: DataView, little: boolean): number {
  const size = sizes[entry.getUint16(2, little)]
  const count = entry.getUint32(4, little)
  if (size === undefined || count === 0 || count * size > 4) return 0
  if (size === 1) return entry.getUint8(8)
  return size === 2 ? entry.getUint16(8, little) : entry.getUint32(8, little)
}
