import sharp from 'sharp'
import { picture } from '../place.ts'
import { exif } from './exif.ts'
import type { WildFile } from './file.ts'

export async function webps(): Promise<WildFile[]> {
  const file = (name: string, width: number, height: number, bytes: Buffer): WildFile => ({
    name: `a WebP ${name}`,
    mimeType: 'image/webp',
    bytes,
    shown: width > 0 ? { width, height } : null,
  })
  const lossy = content(await picture(60, 40).webp().toBuffer())
  const lossless = content(await picture(60, 40).webp({ lossless: true }).toBuffer())
  const clear = await picture(60, 40).ensureAlpha(0.5).webp().toBuffer()
  const frames = await Promise.all(['red', 'blue'].map((colour) => picture(16, 16, colour).png().toBuffer()))
  const moving = await sharp(frames, { join: { animated: true } })
    .webp()
    .toBuffer()
  const turned = chunk('EXIF', exif(6))
  const prefixed = chunk('EXIF', Buffer.concat([Buffer.from('Exif\0\0'), exif(6)]))
  const flags = { exif: 0x08, xmp: 0x04, alpha: 0x10, animated: 0x02 }
  const smallest = Buffer.from('524946461400000057454250 5650384c08000000 2f00000000888808'.replaceAll(' ', ''), 'hex')
  return [
    file('of 28 bytes', 1, 1, smallest),
    file('of 60 × 40, lossless', 60, 40, riff(lossless)),
    file('of 60 × 40, lossy', 60, 40, riff(lossy)),
    file('that is partly clear', 60, 40, clear),
    file('that moves', 16, 16, moving),
    file('whose last byte is not padded', 60, 40, unpadded(riff(lossless))),
    file('with EXIF, upright', 60, 40, riff(extended(60, 40, flags.exif), lossy, chunk('EXIF', exif(1)))),
    file('with EXIF, on its side', 40, 60, riff(extended(60, 40, flags.exif), lossy, turned)),
    file(
      'with EXIF, on its side, little-endian',
      40,
      60,
      riff(extended(60, 40, flags.exif), lossy, chunk('EXIF', exif(8, { little: true }))),
    ),
    file('with EXIF as JPEG has it, on its side', 40, 60, riff(extended(60, 40, flags.exif), lossy, prefixed)),
    file('with EXIF of orientation 9', 60, 40, riff(extended(60, 40, flags.exif), lossy, chunk('EXIF', exif(9)))),
    file('with EXIF that its header does not announce', 60, 40, riff(extended(60, 40, 0), lossy, turned)),
    file('with EXIF before its picture', 40, 60, riff(extended(60, 40, flags.exif), turned, lossy)),
    file(
      'with two EXIF, the first on its side',
      40,
      60,
      riff(extended(60, 40, flags.exif), lossy, turned, chunk('EXIF', exif(1))),
    ),
    file(
      'with two EXIF, the second on its side',
      60,
      40,
      riff(extended(60, 40, flags.exif), lossy, chunk('EXIF', exif(1)), turned),
    ),
    file(
      'with EXIF behind XMP of an odd length',
      40,
      60,
      riff(extended(60, 40, flags.exif | flags.xmp), lossy, chunk('XMP ', Buffer.from('<x/>!')), turned),
    ),
    file(
      'with EXIF behind an unknown chunk',
      40,
      60,
      riff(extended(60, 40, flags.exif), lossy, chunk('junk', Buffer.alloc(100_001)), turned),
    ),
    file(
      'with EXIF behind the end that it says',
      60,
      40,
      Buffer.concat([riff(extended(60, 40, flags.exif), lossy), turned]),
    ),
    file('with EXIF and without an extended header', 60, 40, riff(lossy, turned)),
    file('that is lossless with EXIF, on its side', 40, 60, riff(extended(60, 40, flags.exif), lossless, turned)),
    file('that moves on its side', 16, 16, withExif(moving, turned)),
    file('whose canvas is larger than its picture', 0, 0, riff(extended(80, 80, 0), lossy)),
    file('of nothing but a header', 0, 0, riff(extended(60, 40, 0))),
    file('that says it is longer than it is', 60, 40, longer(riff(lossy))),
    file('cut off in its picture', 60, 40, riff(lossy).subarray(0, -10)),
    file('scaled by its header', 60, 40, scaled(riff(lossy))),
    file('whose first chunk is unknown', 0, 0, riff(chunk('junk', Buffer.alloc(20)), lossy)),
  ]
}

const riff = (...chunks: Buffer[]): Buffer => chunk('RIFF', Buffer.concat([Buffer.from('WEBP'), ...chunks]))

function chunk(type: string, content: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(content.length)
  return Buffer.concat([Buffer.from(type), size, content, Buffer.alloc(content.length % 2)])
}

const content = (webp: Buffer): Buffer => webp.subarray(12)

function extended(width: number, height: number, flags: number): Buffer {
  const body = Buffer.alloc(10)
  body[0] = flags
  body.writeUIntLE(width - 1, 4, 3)
  body.writeUIntLE(height - 1, 7, 3)
  return chunk('VP8X', body)
}

function withExif(webp: Buffer, exif: Buffer): Buffer {
  const bytes = riff(content(webp), exif)
  bytes[20] = (bytes[20] ?? 0) | 0x08
  return bytes
}

function longer(webp: Buffer): Buffer {
  const bytes = Buffer.from(webp)
  bytes.writeUInt32LE(bytes.readUInt32LE(4) + 100, 4)
  return bytes
}

function unpadded(webp: Buffer): Buffer {
  return webp.at(-1) === 0 ? webp.subarray(0, -1) : webp
}

/** The two bits above each dimension are a scaling hint, which every decoder ignores. */
function scaled(webp: Buffer): Buffer {
  const bytes = Buffer.from(webp)
  bytes[27] = (bytes[27] ?? 0) | 0x40
  bytes[29] = (bytes[29] ?? 0) | 0x80
  return bytes
}
