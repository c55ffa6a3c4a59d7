import type { FoundDimensions } from './dimensions.ts'
import { type Header, textAt } from './header.ts'

/** From marker to marker, up to the frame that has the dimensions. EXIF before it may say that they are turned. */
export async function jpeg(header: Header): Promise<FoundDimensions | null> {
  const start = await header.at(0, 3)
  if (start?.getUint16(0) !== 0xffd8 || start.getUint8(2) !== 0xff) return null
  let turned = false
  for (let offset = 2; ; ) {
    const segment = await header.at(offset, 4)
    if (segment?.getUint8(0) !== 0xff) return null
    const marker = segment.getUint8(1)
    if (marker === 0xff) {
      offset += 1 // a fill byte
      continue
    }
    const length = segment.getUint16(2)
    if (isFrame(marker)) {
      const frame = await header.at(offset + 4, 5)
      if (!frame) return null
      const [height, width] = [frame.getUint16(1), frame.getUint16(3)]
      return { kind: 'jpeg', width: turned ? height : width, height: turned ? width : height }
    }
    if (marker === 0xda || length < 2) return null // pixels before a frame
    if (marker === 0xe1) turned ||= await saysTurned(header, offset + 4, length - 2)
    offset += 2 + length
  }
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

/** Whether EXIF's orientation (tag 0x112 of its first directory) is one that lies on its side, 5 to 8. */
async function saysTurned(header: Header, offset: number, length: number): Promise<boolean> {
  const exif = await header.at(offset, length)
  if (!exif || length < 14 || textAt(exif, 0, 6) !== 'Exif\0\0') return false
  const little = exif.getUint16(6) === 0x4949
  const directory = 6 + exif.getUint32(10, little)
  if (directory + 2 > length) return false
  const count = exif.getUint16(directory, little)
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * 12
    if (entry + 12 > length) return false
    if (exif.getUint16(entry, little) === 0x112) return exif.getUint16(entry + 8, little) >= 5
  }
  return false
}
