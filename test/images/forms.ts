import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { picture } from './place.ts'

// Pictures and videos as they are in the wild, of which a browser shows what their first header does not say.

const fixture = (name: string) => readFile(join(import.meta.dirname, '../fixtures', name))

/** A picture of many colours, the same each time. */
export function checkered(options: { progressive?: boolean } = {}): Promise<Buffer> {
  const pixels = Buffer.from(Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * i * 7 + (i >> 5) * 31) & 255))
  return sharp(pixels, { raw: { width: 60, height: 40, channels: 3 } })
    .jpeg(options)
    .toBuffer()
}

const png = () => picture(60, 40).png().toBuffer()
const jpeg = () => picture(60, 40).jpeg().toBuffer()

/** TIFF as EXIF has it: one directory with one entry, orientation. */
function exif(orientation: number, little = true): Buffer {
  const tiff = Buffer.alloc(26)
  const [u16, u32] = little
    ? [tiff.writeUInt16LE.bind(tiff), tiff.writeUInt32LE.bind(tiff)]
    : [tiff.writeUInt16BE.bind(tiff), tiff.writeUInt32BE.bind(tiff)]
  tiff.write(little ? 'II' : 'MM')
  u16(42, 2)
  u32(8, 4)
  u16(1, 8)
  u16(0x112, 10)
  u16(3, 12)
  u32(1, 14)
  u16(orientation, 18)
  return tiff
}

function segment(marker: number, content: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(content.length + 2, 2)
  return Buffer.concat([head, content])
}

const app1 = (tiff: Buffer): Buffer => segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), tiff]))

/** The JPEG with these bytes behind its first two. */
const after = (photo: Buffer, ...parts: Buffer[]): Buffer =>
  Buffer.concat([photo.subarray(0, 2), ...parts, photo.subarray(2)])

/** These bytes before a marker of the JPEG, behind its tables. */
function beforeFrame(photo: Buffer, ...bytes: number[]): Buffer {
  const at = photo.indexOf(Buffer.from([0xff, 0xc0]))
  return Buffer.concat([photo.subarray(0, at), Buffer.from(bytes), photo.subarray(at)])
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), content])
  const [head, crc] = [Buffer.alloc(4), Buffer.alloc(4)]
  head.writeUInt32BE(content.length)
  crc.writeUInt32BE(crc32(body))
  return Buffer.concat([head, body, crc])
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

/** A GIF of one frame, whatever its screen says. */
function gif(screen: [number, number], frame: [x: number, y: number, width: number, height: number]): Buffer {
  const u16 = (...values: number[]) => Buffer.from(values.flatMap((value) => [value & 255, value >> 8]))
  const [, , width, height] = frame
  // Uncompressed codes of 2 bits' colours: a clear code before each pixel keeps them at 3 bits.
  const codes: number[] = []
  for (let i = 0; i < width * height; i++) codes.push(4, 1)
  codes.push(5)
  const bits = codes.flatMap((code) => [code & 1, (code >> 1) & 1, (code >> 2) & 1])
  const data = Buffer.alloc(Math.ceil(bits.length / 8))
  for (const [at, bit] of bits.entries()) data[at >> 3] = (data[at >> 3] as number) | (bit << (at & 7))
  const blocks: Buffer[] = []
  for (let at = 0; at < data.length; at += 255) {
    const part = data.subarray(at, at + 255)
    blocks.push(Buffer.from([part.length]), part)
  }
  return Buffer.concat([
    Buffer.from('GIF89a'),
    u16(...screen),
    Buffer.from([0x91, 0, 0, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]),
    Buffer.from([0x2c]),
    u16(...frame),
    Buffer.from([0, 2]),
    ...blocks,
    Buffer.from([0, 0x3b]),
  ])
}

/** The GIF with another frame behind its first. */
function withFrame(first: Buffer, second: Buffer): Buffer {
  return Buffer.concat([first.subarray(0, -1), second.subarray(25)])
}

function box(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(content.length + 8)
  head.write(type, 4)
  return Buffer.concat([head, content])
}

/** A film whose track header is changed in place. */
async function film(change: (tkhd: Buffer) => void, name = 'media/clip.mp4'): Promise<Buffer> {
  const video = Buffer.from(await fixture(name))
  const at = video.indexOf('tkhd') + 4
  change(video.subarray(at, at + 84))
  return video
}

/** A film behind a box of padding. */
async function behind(type: string): Promise<Buffer> {
  const video = Buffer.from(await fixture('media/clip.mp4'))
  const front = box(type, Buffer.alloc(8))
  moveSamples(video, front.length)
  return Buffer.concat([front, video])
}

function moveSamples(video: Buffer, by: number): void {
  for (let table = video.indexOf('stco'); table >= 0; table = video.indexOf('stco', table + 4)) {
    for (let i = 0; i < video.readUInt32BE(table + 8); i++) {
      const at = table + 12 + i * 4
      video.writeUInt32BE(video.readUInt32BE(at) + by, at)
    }
  }
}

/** The boxes of a film, and its samples' offsets as they are when it is written in this order. */
async function reordered(order: readonly string[]): Promise<Buffer> {
  const video = Buffer.from(await fixture('media/clip.mp4'))
  const parts = new Map<string, { at: number; bytes: Buffer }>()
  for (let at = 0; at < video.length; at += video.readUInt32BE(at)) {
    parts.set(video.toString('latin1', at + 4, at + 8), { at, bytes: video.subarray(at, at + video.readUInt32BE(at)) })
  }
  const chosen = order.map((type) => parts.get(type) as { at: number; bytes: Buffer })
  const before = chosen.slice(0, order.indexOf('mdat')).reduce((sum, { bytes }) => sum + bytes.length, 0)
  moveSamples(video, before - (parts.get('mdat')?.at as number))
  return Buffer.concat(chosen.map(({ bytes }) => bytes))
}

const withoutBrand = () => reordered(['moov', 'mdat'])
const samplesFirst = () => reordered(['mdat', 'moov'])

/** An extended WebP with EXIF behind its picture. */
async function webpWithExif(orientation: number): Promise<Buffer> {
  const webp = await picture(60, 40).withMetadata({ orientation: 1 }).webp().toBuffer()
  const at = webp.indexOf('EXIF')
  if (at < 0) throw new Error('no EXIF')
  const content = exif(orientation)
  const head = Buffer.alloc(8)
  head.write('EXIF')
  head.writeUInt32LE(content.length, 4)
  const changed = Buffer.concat([webp.subarray(0, at), head, content])
  changed.writeUInt32LE(changed.length - 8, 4)
  return changed
}

/** The picture's boxes with one more property, which its item has. */
function withProperty(avif: Buffer, property: Buffer): Buffer {
  const at = avif.indexOf('ipco') - 4
  const size = avif.readUInt32BE(at)
  const ipma = avif.indexOf('ipma') - 4
  const properties = countBoxes(avif.subarray(at + 8, at + size))
  // The first entry of the table: its count, and behind its list the new one.
  const entry = ipma + 16
  const count = avif.readUInt8(entry + 2)
  const list = Buffer.concat([
    avif.subarray(ipma, entry + 2),
    Buffer.from([count + 1]),
    avif.subarray(entry + 3, entry + 3 + count),
    Buffer.from([(properties + 1) | 0x80]),
    avif.subarray(entry + 3 + count, ipma + avif.readUInt32BE(ipma)),
  ])
  list.writeUInt32BE(list.length)
  const grown = Buffer.concat([
    avif.subarray(0, at + size),
    property,
    avif.subarray(at + size, ipma),
    list,
    avif.subarray(ipma + avif.readUInt32BE(ipma)),
  ])
  const more = grown.length - avif.length
  grown.writeUInt32BE(size + property.length, at)
  for (const name of ['iprp', 'meta']) {
    const start = grown.indexOf(name) - 4
    grown.writeUInt32BE(grown.readUInt32BE(start) + more, start)
  }
  moveItems(grown, more)
  return grown
}

function countBoxes(bytes: Buffer): number {
  let count = 0
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) count += 1
  return count
}

/** The place of the only item's bytes, of a table of version 0 with offsets of 4 bytes. */
function moveItems(avif: Buffer, by: number): void {
  const iloc = avif.indexOf('iloc') + 4
  const base = (avif.readUInt8(iloc + 5) >> 4) as number
  const items = avif.readUInt16BE(iloc + 6)
  let at = iloc + 8
  for (let i = 0; i < items; i++) {
    at += 4 + base
    const extents = avif.readUInt16BE(at)
    at += 2
    for (let j = 0; j < extents; j++) {
      avif.writeUInt32BE(avif.readUInt32BE(at) + by, at)
      at += 8
    }
  }
}

/** What is cut out of 60 × 40 pixels, from the upper left corner or from the middle. */
const clap = (width: number, height: number, from: 'corner' | 'middle' = 'corner'): Buffer => {
  const content = Buffer.alloc(32)
  const offsets = from === 'corner' ? [width - 60, 2, height - 40, 2] : [0, 1, 0, 1]
  for (const [at, value] of [width, 1, height, 1, ...offsets].entries()) content.writeInt32BE(value, at * 4)
  return box('clap', content)
}

const avif = () => picture(60, 40).avif({ effort: 0 }).toBuffer()

export interface Form {
  name: string
  type: 'image' | 'video'
  make: () => Promise<Buffer>
  /** What Chromium does otherwise than libvips, of which the variants are made. */
  chromium?: string
  /** Of which libvips makes nothing. */
  refused?: true
}

const image = (name: string, make: () => Promise<Buffer> | Buffer): Form => ({
  name,
  type: 'image',
  make: async () => make(),
})
const video = (name: string, make: () => Promise<Buffer> | Buffer): Form => ({
  name,
  type: 'video',
  make: async () => make(),
})

export const forms: Form[] = [
  ...[0, 1, 5, 6, 8, 9, 90, 256].map((orientation) =>
    image(`a JPEG of EXIF orientation ${orientation}`, async () => after(await jpeg(), app1(exif(orientation)))),
  ),
  image('a JPEG whose EXIF is big-endian', async () => after(await jpeg(), app1(exif(6, false)))),
  image('a JPEG of two EXIF blocks, the second turned', async () => after(await jpeg(), app1(exif(1)), app1(exif(6)))),
  image('a JPEG of two EXIF blocks, the first turned', async () => after(await jpeg(), app1(exif(6)), app1(exif(1)))),
  image('a JPEG of EXIF without orientation, and one that has it', async () => {
    const empty = exif(1)
    empty.writeUInt16LE(0x100, 10)
    return after(await jpeg(), app1(empty), app1(exif(6)))
  }),
  image('a JPEG of XMP before its EXIF', async () =>
    after(await jpeg(), segment(0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x/>')), app1(exif(6))),
  ),
  image('a JPEG of other segments before its EXIF', async () =>
    after(await jpeg(), segment(0xe2, Buffer.alloc(40_000)), segment(0xfe, Buffer.from('hello')), app1(exif(6))),
  ),
  image('a JPEG of zero bytes before a marker', async () => beforeFrame(await jpeg(), 0, 0, 0, 0, 0)),
  image('a JPEG of other bytes before a marker', async () => beforeFrame(await jpeg(), 1, 2, 3, 0xff, 0, 4)),
  image('a JPEG of fill bytes before a marker', async () => beforeFrame(await jpeg(), 0xff, 0xff, 0xff)),
  image('a JPEG cut off at its end', async () => {
    const whole = await checkered()
    return whole.subarray(0, whole.length - 400)
  }),
  image('a progressive JPEG cut off at its end', async () => {
    const whole = await checkered({ progressive: true })
    return whole.subarray(0, Math.floor(whole.length * 0.6))
  }),
  image('a JPEG in CMYK', () => picture(60, 40).toColourspace('cmyk').jpeg().toBuffer()),
  image('a GIF whose screen has no size', () => gif([0, 0], [0, 0, 20, 10])),
  image('a GIF whose screen is smaller than its frame', () => gif([5, 4], [0, 0, 20, 10])),
  image('a GIF whose frame reaches beyond its screen', () => gif([20, 10], [15, 5, 20, 10])),
  image('a GIF whose frame is smaller than its screen', () => gif([30, 40], [5, 5, 20, 10])),
  image('a GIF whose second frame reaches beyond its screen', () =>
    withFrame(gif([20, 10], [0, 0, 20, 10]), gif([20, 10], [5, 5, 30, 40])),
  ),
  image('a GIF that begins with a comment', () => {
    const bytes = gif([0, 0], [0, 0, 20, 10])
    return Buffer.concat([
      bytes.subarray(0, 25),
      Buffer.from([0x21, 0xfe, 3, 97, 98, 99, 2, 97, 98, 0]),
      bytes.subarray(25),
    ])
  }),
  image('a lossless WebP of one pixel', () => picture(1, 1).webp({ lossless: true }).toBuffer()),
  image('a WebP of one pixel', () => picture(1, 1).webp().toBuffer()),
  ...[1, 3, 6, 9].map((orientation) => ({
    ...image(`a WebP of EXIF orientation ${orientation}`, () => webpWithExif(orientation)),
    ...(orientation === 6 && { chromium: 'does not turn a WebP' }),
  })),
  ...[1, 6, 9].map((orientation) =>
    image(`a PNG of EXIF orientation ${orientation}`, async () => {
      const bytes = await png()
      return Buffer.concat([bytes.subarray(0, 33), chunk('eXIf', exif(orientation)), bytes.subarray(33)])
    }),
  ),
  image('a PNG of EXIF behind its pixels', async () => {
    const bytes = await png()
    const end = bytes.length - 12
    return Buffer.concat([bytes.subarray(0, end), chunk('eXIf', exif(6)), bytes.subarray(end)])
  }),
  image('an AVIF', avif),
  image('an AVIF that is cut out (clap)', async () => withProperty(await avif(), clap(40, 20))),
  {
    ...image('an AVIF that is cut out of its middle', async () => withProperty(await avif(), clap(40, 20, 'middle'))),
    chromium: 'cuts only what begins in the corner',
  },
  {
    ...image('an AVIF cut out beyond its edges', async () => withProperty(await avif(), clap(400, 20))),
    refused: true,
  },
  image('an AVIF that is cut out, and turned', async () =>
    withProperty(withProperty(await avif(), clap(40, 20)), box('irot', Buffer.from([1]))),
  ),
  image('an AVIF that is turned', async () => withProperty(await avif(), box('irot', Buffer.from([1])))),
  image('an AVIF that is mirrored', async () => withProperty(await avif(), box('imir', Buffer.from([1])))),
  image('an AVIF that moves, by its first brand too', () => fixture('images/moving.avif')),
  video('an MP4', () => film(() => {})),
  video('an MP4 whose track header has no size', () => film((tkhd) => tkhd.fill(0, 76, 84))),
  video('an MP4 whose track header has another size', () => film((tkhd) => tkhd.writeUInt32BE(320 << 16, 76))),
  video('an MP4 turned by 90°', () => film((tkhd) => turn(tkhd, [0, 1, -1, 0]))),
  video('an MP4 turned by 180°', () => film((tkhd) => turn(tkhd, [-1, 0, 0, -1]))),
  video('an MP4 turned by 270°', () => film((tkhd) => turn(tkhd, [0, -1, 1, 0]))),
  video('an MP4 whose pixels are high', () => fixture('images/high-pixels.mp4')),
  video('an MP4 in fragments', () => fixture('images/fragments.mp4')),
  ...['free', 'skip', 'wide'].map((type) => video(`an MP4 behind ${type}`, () => behind(type))),
  video('a film that begins with its index', () => withoutBrand()),
  video('a film that begins with its samples', () => samplesFirst()),
]

function turn(tkhd: Buffer, [a, b, c, d]: [number, number, number, number]): void {
  for (const [value, at] of [
    [a, 40],
    [b, 44],
    [c, 52],
    [d, 56],
  ] as const) {
    tkhd.writeInt32BE(value * 65_536, at)
  }
}
