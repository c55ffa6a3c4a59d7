import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { picture } from './place.ts'

// Files made to break a decoder: small to upload, but enormous, endless or of another type when they are opened.

/** 50,000 × 50,000 pixels of one bit, complete: 312 MB in 300 kB. */
export const decompressionBomb = (): Buffer => png(50_000, 50_000, 1, 0, zeros(50_000 * 6251))

/**
 * Within the limit of pixels, and nearly 400 MB: 16 bits a channel, and interlaced, so that it must be decoded as a
 * whole.
 */
export const deepBomb = (): Buffer => png(7000, 7000, 16, 6, zeros(7000 * 7000 * 8 + 20_000), { interlaced: true })

/** A JPEG with its dimensions set to the largest possible. */
export async function pixelFlood(): Promise<Buffer> {
  const jpeg = await picture(64, 64).jpeg().toBuffer()
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0, 0x00]))
  jpeg.writeUInt32BE(0xffffffff, frame + 5)
  return jpeg
}

/** Within the limit of pixels, and nothing after the header. */
export async function hollowJpeg(): Promise<Buffer> {
  const jpeg = await picture(64, 64).jpeg().toBuffer()
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0, 0x00]))
  jpeg.writeUInt16BE(7000, frame + 5)
  jpeg.writeUInt16BE(7000, frame + 7)
  return jpeg
}

/** A GIF of so many frames, of one pixel each. */
export function gifOfFrames(count: number): Buffer {
  const header = Buffer.from('GIF89a\x10\0\x10\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1')
  const frame = Buffer.from('\x21\xf9\x04\0\x01\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0', 'latin1')
  return Buffer.concat([header, ...Array.from({ length: count }, () => frame), Buffer.from(';')])
}

/** A GIF with the largest possible screen, around a frame of one pixel. */
export function gifOfScreen(): Buffer {
  const gif = gifOfFrames(1)
  gif.writeUInt32LE(0xffffffff, 6)
  return gif
}

/** An animated WebP with the largest possible canvas. */
export function webpOfCanvas(): Buffer {
  const animation = riff('ANIM', Buffer.alloc(6))
  const body = Buffer.concat([riff('VP8X', Buffer.from('02000000ff3f00ff3f00', 'hex')), animation])
  return riff('RIFF', Buffer.concat([Buffer.from('WEBP'), body]))
}

/** A PNG of one pixel, with a text or a colour profile of so many zeros. */
export const textBomb = (size: number): Buffer =>
  png(1, 1, 8, 0, zeros(2), { before: chunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0'), zeros(size)])) })
export const profileBomb = (size: number): Buffer =>
  png(1, 1, 8, 0, zeros(2), { before: chunk('iCCP', Buffer.concat([Buffer.from('profile\0\0'), zeros(size)])) })

/** 64 megapixels in one kilobyte, of a format that takes seconds and more than a gigabyte to decode. */
export const slowAvif = (): Buffer => readFileSync(join(import.meta.dirname, '../fixtures/images/8000x8000.avif'))

/** SVG that reads a file and another document, after the first bytes of a PNG or alone. */
export const svg = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xi="http://www.w3.org/2001/XInclude" width="9" height="9">
<xi:include href="file:///etc/passwd" parse="text"/><text>&secret;</text><script>alert(1)</script></svg>`
export const svgAsPng = (): Buffer =>
  Buffer.concat([png(9, 9, 8, 0, Buffer.alloc(0)).subarray(0, 33), Buffer.from(svg)])

function png(
  width: number,
  height: number,
  bits: number,
  colours: number,
  pixels: Buffer,
  { interlaced = false, before = Buffer.alloc(0) }: { interlaced?: boolean; before?: Buffer } = {},
): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([bits, colours, 0, 0, interlaced ? 1 : 0], 8)
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    before,
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type), data])
  return Buffer.concat([uint32(data.byteLength), typed, uint32(crc32(typed))])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function riff(type: string, data: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(data.byteLength)
  return Buffer.concat([Buffer.from(type), size, data])
}

/** So many zeros compressed by zlib, from one megabyte that is compressed once. */
function zeros(size: number): Buffer {
  const block = 1024 * 1024
  const rest = size % block
  // Without a final block and ended at a whole byte, so that compressed pieces can be concatenated.
  const packed = deflateRawSync(Buffer.alloc(block), { finishFlush: 2 })
  const last = deflateRawSync(Buffer.alloc(rest))
  const pieces = Array.from({ length: Math.floor(size / block) }, () => packed)
  return Buffer.concat([Buffer.from('789c', 'hex'), ...pieces, last, uint32(adlerOfZeros(size))])
}

/** The zlib checksum of zeros: one sum stays 1, the other is their number. */
function adlerOfZeros(size: number): number {
  return ((size % 65_521) * 65_536 + 1) >>> 0
}
