import { crc32 } from 'node:zlib'
import { picture } from '../place.ts'
import { exif } from './exif.ts'
import { u32, type WildFile } from './file.ts'

export async function pngs(): Promise<WildFile[]> {
  const file = (name: string, width: number, height: number, bytes: Buffer): WildFile => ({
    name: `a PNG ${name}`,
    mimeType: 'image/png',
    bytes,
    shown: width > 0 ? { width, height } : null,
  })
  const plain = await picture(60, 40).png().toBuffer()
  const turned = chunk('eXIf', exif(6))
  const head = 33 // the signature and IHDR
  const at = (place: number, ...chunks: Buffer[]) =>
    Buffer.concat([plain.subarray(0, place), ...chunks, plain.subarray(place)])
  const end = plain.length - 12
  const broken = Buffer.from(turned)
  broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
  return [
    file('of 60 × 40', 60, 40, plain),
    file('that is interlaced', 60, 40, await picture(60, 40).png({ progressive: true }).toBuffer()),
    file('with EXIF, upright', 60, 40, at(head, chunk('eXIf', exif(1)))),
    file('with EXIF, on its side', 40, 60, at(head, turned)),
    file('with EXIF, on its side, little-endian', 40, 60, at(head, chunk('eXIf', exif(8, { little: true })))),
    file('with EXIF of orientation 9', 60, 40, at(head, chunk('eXIf', exif(9)))),
    file(
      'with EXIF as JPEG has it',
      60,
      40,
      at(head, chunk('eXIf', Buffer.concat([Buffer.from('Exif\0\0'), exif(6)]))),
    ),
    file('with EXIF behind its pixels', 60, 40, at(end, turned)),
    file('with two EXIF, the first on its side', 40, 60, at(head, turned, chunk('eXIf', exif(1)))),
    file('with two EXIF, the second on its side', 60, 40, at(head, chunk('eXIf', exif(1)), turned)),
    file(
      'with EXIF before and behind its pixels',
      60,
      40,
      Buffer.concat([
        plain.subarray(0, head),
        chunk('eXIf', exif(1)),
        plain.subarray(head, end),
        turned,
        plain.subarray(end),
      ]),
    ),
    file('with EXIF behind a megabyte', 40, 60, at(head, chunk('teSt', Buffer.alloc(1_000_000)), turned)),
    file('whose EXIF has a wrong checksum', 40, 60, at(head, broken)),
    file('with EXIF as ImageMagick wrote it', 60, 40, at(head, chunk('zxIf', exif(6)))),
    file('with EXIF behind its end', 60, 40, Buffer.concat([plain, turned])),
    file('without its end', 60, 40, plain.subarray(0, -12)),
    file('cut off in its pixels', 60, 40, plain.subarray(0, -30)),
    file('of nothing but a header', 0, 0, plain.subarray(0, head)),
    file(
      'for phones of Apple',
      0,
      0,
      Buffer.concat([plain.subarray(0, 8), chunk('CgBI', Buffer.alloc(4)), plain.subarray(8)]),
    ),
  ]
}

function chunk(type: string, content: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type), content])
  return Buffer.concat([u32(content.length), typed, u32(crc32(typed))])
}
