import { textAt } from './header.ts'

/**
 * Whether EXIF's orientation (tag 0x112 of its first directory) is one that lies on its side, 5 to 8. Values that the
 * standard does not have turn nothing. `tiff` begins with the byte order, or with `Exif\0\0` before it.
 */
export function liesOnItsSide(tiff: DataView): boolean {
  const start = tiff.byteLength >= 6 && textAt(tiff, 0, 6) === 'Exif\0\0' ? 6 : 0
  const length = tiff.byteLength - start
  if (length < 14) return false
  const order = textAt(tiff, start, 2)
  if (order !== 'II' && order !== 'MM') return false
  const little = order === 'II'
  const directory = tiff.getUint32(start + 4, little)
  if (directory + 2 > length) return false
  const count = tiff.getUint16(start + directory, little)
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * 12
    if (entry + 12 > length) return false
    if (tiff.getUint16(start + entry, little) !== 0x112) continue
    const orientation = tiff.getUint16(start + entry + 8, little)
    return orientation >= 5 && orientation <= 8
  }
  return false
}
