import { picture } from '../place.ts'
import type { WildFile } from './file.ts'

type Box = [left: number, top: number, width: number, height: number]

export async function gifs(): Promise<WildFile[]> {
  const file = (name: string, width: number, height: number, bytes: Buffer): WildFile => ({
    name: `a GIF ${name}`,
    mimeType: 'image/gif',
    bytes,
    shown: width > 0 ? { width, height } : null,
  })
  const frame: Box = [0, 0, 6, 4]
  const comment = Buffer.from('\x21\xfe\x05hello\0', 'latin1')
  const loop = Buffer.from('\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0', 'latin1')
  const control = Buffer.from('\x21\xf9\x04\0\x0a\0\0\0', 'latin1')
  const long = Buffer.concat([
    Buffer.from([0x21, 0xfe]),
    Buffer.concat(Array.from({ length: 2000 }, () => Buffer.concat([Buffer.from([255]), Buffer.alloc(255, 'x')]))),
    Buffer.from([0]),
  ])
  return [
    file('of one frame', 6, 4, gif([6, 4], [frame])),
    file('of 1987', 6, 4, gif([6, 4], [frame], { version: '87a' })),
    file('whose screen is 0 × 0', 6, 4, gif([0, 0], [frame])),
    file('whose screen has no width', 6, 4, gif([0, 4], [frame])),
    file('whose screen has no height', 6, 9, gif([6, 0], [[0, 0, 6, 9]])),
    file('whose screen has no height, and a wider width', 20, 9, gif([20, 0], [[0, 0, 6, 9]])),
    file('whose screen is 0 × 0, and its frame elsewhere', 16, 9, gif([0, 0], [[10, 5, 6, 4]])),
    file('whose screen is smaller than its frame', 6, 4, gif([3, 2], [frame])),
    file('whose screen is narrower than its frame', 6, 4, gif([3, 4], [frame])),
    file('whose screen is lower than its frame', 6, 4, gif([6, 1], [frame])),
    file('whose screen is larger than its frame', 30, 20, gif([30, 20], [frame])),
    file('whose frame sticks out', 16, 9, gif([12, 8], [[10, 5, 6, 4]])),
    file('whose frame lies outside', 26, 24, gif([12, 8], [[20, 20, 6, 4]])),
    file('whose second frame is larger than its screen', 6, 4, gif([6, 4], [frame, [0, 0, 12, 9]])),
    file('whose screen is 0 × 0, and its second frame larger', 6, 4, gif([0, 0], [frame, [0, 0, 12, 9]])),
    file(
      'whose screen is 0 × 0, behind a comment and a loop',
      6,
      4,
      gif([0, 0], [frame], { before: Buffer.concat([comment, loop, control]) }),
    ),
    file('whose screen is 0 × 0, behind half a megabyte', 6, 4, gif([0, 0], [frame], { before: long })),
    file('whose screen is 0 × 0, of colours of its own', 6, 4, gif([0, 0], [frame], { colours: 'local' })),
    file('whose screen is smaller, without colours', 6, 4, gif([3, 2], [frame], { colours: 'none' })),
    file('whose screen is 640 × 480 around a small frame', 640, 480, gif([640, 480], [frame])),
    file('whose screen is 1 × 1', 6, 4, gif([1, 1], [frame])),
    file('whose frame has no width', 6, 4, gif([6, 4], [[0, 0, 0, 4]])),
    file('whose screen is 0 × 0 and its frame too', 0, 0, gif([0, 0], [[0, 0, 0, 0]])),
    file('without a frame', 0, 0, gif([6, 4], [])),
    file('without a frame and a screen', 0, 0, gif([0, 0], [])),
    file('without its end', 6, 4, gif([6, 4], [frame]).subarray(0, -1)),
    file('cut off in its frame', 6, 4, gif([6, 4], [frame]).subarray(0, -6)),
    file('cut off before its frame', 0, 0, gif([6, 4], [frame]).subarray(0, 20)),
    file('with zeros before its frame', 6, 4, gif([6, 4], [frame], { before: Buffer.alloc(5) })),
    file('that moves', 16, 16, await moving()),
  ]
}

interface GifForm {
  version?: string
  before?: Buffer
  colours?: 'global' | 'local' | 'none'
}

function gif([width, height]: [number, number], frames: Box[], form: GifForm = {}): Buffer {
  const { version = '89a', before = Buffer.alloc(0), colours = 'global' } = form
  const table = Buffer.from([0, 0, 0, 255, 255, 255])
  const flags = colours === 'global' ? 0x80 : 0
  const head = Buffer.concat([Buffer.from(`GIF${version}`), u16le(width, height), Buffer.from([flags, 0, 0])])
  const blocks = frames.flatMap(([left, top, width, height]) => [
    Buffer.from([0x2c]),
    u16le(left, top, width, height),
    colours === 'local' ? Buffer.concat([Buffer.from([0x80]), table]) : Buffer.from([0]),
    Buffer.from([2]),
    pixels(width * height),
  ])
  return Buffer.concat([head, colours === 'global' ? table : Buffer.alloc(0), before, ...blocks, Buffer.from(';')])
}

/** So many pixels of the second colour, each after a code that clears the table: three bits a code. */
function pixels(count: number): Buffer {
  const codes = [...Array.from({ length: count }, () => [4, 1]).flat(), 5]
  const bytes = Buffer.alloc(Math.ceil((codes.length * 3) / 8))
  for (const [i, code] of codes.entries()) {
    for (let bit = 0; bit < 3; bit++) {
      const at = i * 3 + bit
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (((code >> bit) & 1) << (at & 7))
    }
  }
  const blocks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 255) {
    const block = bytes.subarray(at, at + 255)
    blocks.push(Buffer.from([block.length]), block)
  }
  return Buffer.concat([...blocks, Buffer.from([0])])
}

function u16le(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) bytes.writeUInt16LE(value, i * 2)
  return bytes
}

async function moving(): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  const frames = await Promise.all(['red', 'blue'].map((colour) => picture(16, 16, colour).png().toBuffer()))
  return await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer()
}
