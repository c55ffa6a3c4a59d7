import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { findDimensions } from '../../src/images/dimensions/dimensions.ts'
import { alice } from '../http/place.ts'
import { openImages, picture } from './place.ts'

const fixture = (name: string) => readFile(join(import.meta.dirname, '../fixtures', name))

/** The dimensions found in bytes, and how they were read. */
async function find(bytes: Uint8Array) {
  const reads: number[] = []
  const read = async (start: number, end: number) => {
    expect(start >= 0 && start < end && end <= bytes.byteLength).toBe(true)
    reads.push(end - start)
    return bytes.slice(start, end)
  }
  return { found: await findDimensions({ size: bytes.byteLength, read }), reads }
}

describe('the dimensions', () => {
  test.each([
    ['media/sunset.jpg', 'jpeg', 320, 200],
    ['media/testcard.png', 'png', 320, 200],
    ['media/life.gif', 'gif', 64, 64],
    ['media/mandelbrot.webp', 'webp', 320, 200],
    ['media/clip.mp4', 'video', 160, 120],
    ['media/clip.webm', 'video', 160, 120],
    ['images/8000x8000.avif', 'avif', 8000, 8000],
    ['images/sound-first.mp4', 'video', 64, 48],
  ])('of %s', async (name, kind, width, height) => {
    expect((await find(await fixture(name))).found).toEqual({ kind, width, height })
  })

  test('are as shown: of a rotated video, and of one with pixels that are not square', async () => {
    expect((await find(onItsSide(await fixture('media/clip.mp4')))).found).toEqual({
      kind: 'video',
      width: 120,
      height: 160,
    })
    expect((await find(await fixture('images/wide.webm'))).found).toEqual({ kind: 'video', width: 128, height: 48 })
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('of a photograph are those of EXIF’s orientation %i', async (orientation) => {
    const photo = await picture(60, 40).withMetadata({ orientation }).jpeg().toBuffer()
    const upright = await sharp(await sharp(photo).autoOrient().toBuffer()).metadata()
    const { found } = await find(photo)
    expect({ width: found?.width, height: found?.height }).toEqual({ width: upright.width, height: upright.height })
  })

  test('are those that sharp finds, for every format and many sizes', async () => {
    for (const [width, height] of [
      [1, 1],
      [16, 9],
      [255, 256],
      [300, 7],
      [1023, 1025],
    ] as const) {
      for (const bytes of await Promise.all([
        picture(width, height).jpeg({ progressive: true }).toBuffer(),
        picture(width, height).png({ palette: true }).toBuffer(),
        picture(width, height).gif().toBuffer(),
        picture(width, height).webp().toBuffer(),
        picture(width, height).webp({ lossless: true }).toBuffer(),
        picture(width, height).withXmp('<x/>').webp().toBuffer(),
        picture(width, height).ensureAlpha(0.5).avif({ effort: 0 }).toBuffer(),
      ])) {
        expect((await find(bytes)).found).toMatchObject({ width, height })
      }
    }
  })

  test('of a rotated AVIF or HEIC are as shown', async () => {
    const avif = await picture(60, 40).avif({ effort: 0 }).toBuffer()
    const turned = withRotation(avif)
    expect((await find(turned)).found).toEqual({ kind: 'avif', width: 40, height: 60 })
    const heic = Buffer.from(turned.toString('latin1').replaceAll('avif', 'heic'), 'latin1')
    expect((await find(heic)).found).toEqual({ kind: 'heic', width: 40, height: 60 })
  })

  test('are read from the header alone, wherever it is, after megabytes of other data', async () => {
    const megabytes = 8 * 1024 * 1024
    const photo = await picture(60, 40).jpeg().toBuffer()
    const segment = Buffer.concat([Buffer.from([0xff, 0xe2, 0xff, 0xff]), Buffer.alloc(65_533)])
    const long = Buffer.concat([photo.subarray(0, 2), ...Array.from({ length: 30 }, () => segment), photo.subarray(2)])
    expect((await find(long)).found).toMatchObject({ width: 60, height: 40 })

    const video = onItsSide(await fixture('media/clip.mp4'))
    const at = video.indexOf('ftyp') - 4
    const header = video.readUInt32BE(at)
    const free = Buffer.alloc(megabytes)
    free.writeUInt32BE(megabytes)
    free.write('free', 4)
    const late = Buffer.concat([video.subarray(0, at + header), free, video.subarray(at + header)])
    const { found, reads } = await find(late)
    expect(found).toMatchObject({ width: 120, height: 160 })
    expect(reads.length).toBeLessThan(6)
    expect(reads.reduce((sum, one) => sum + one)).toBeLessThan(256 * 1024)
  })

  test.each(['', 'text', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', '%PDF-1.7', 'II*\0', 'BM'])(
    'of %j are none',
    async (text) => {
      expect((await find(Buffer.from(text))).found).toBeNull()
    },
  )

  test('of any broken file are something or nothing, after a bounded number of reads', {
    timeout: 120_000,
  }, async () => {
    const names = [
      'media/sunset.jpg',
      'media/testcard.png',
      'media/life.gif',
      'media/mandelbrot.webp',
      'media/clip.mp4',
    ]
    names.push('media/clip.webm', 'images/sound-first.mp4', 'images/8000x8000.avif', 'images/wide.webm')
    const files = await Promise.all(names.map(fixture))
    let seed = 1
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    for (let i = 0; i < 20_000; i++) {
      const file = files[i % files.length] as Buffer
      const broken = Buffer.from(file.subarray(0, random(4) === 0 ? random(file.byteLength) : file.byteLength))
      const head = Math.min(broken.byteLength, 1 + random(1500))
      for (let hits = 1 + random(8); hits > 0 && head > 0; hits--) {
        broken[random(head)] = [0, 1, 0xff, 0x7f, random(256)][random(5)] as number
      }
      const { found, reads } = await find(broken)
      expect(reads.length).toBeLessThanOrEqual(64)
      if (found) expect(Number.isSafeInteger(found.width) && found.width > 0 && found.height > 0).toBe(true)
    }
  })

  test('are not searched after 4 MiB of other data', async () => {
    const segment = Buffer.concat([Buffer.from([0xff, 0xe2, 0xff, 0xff]), Buffer.alloc(65_533)])
    const { found, reads } = await find(Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(0x800_0000, segment)]))
    expect([found, reads.length]).toEqual([null, 64])
  })

  test.each([
    ['a JPEG of nothing but segments', Buffer.alloc(8_000_000, Buffer.from([0xff, 0xe0, 0, 2]))],
    ['a JPEG of nothing but fill bytes', Buffer.alloc(8_000_000, 0xff)],
    ['an MP4 of empty boxes', Buffer.alloc(8_000_000, Buffer.from('\0\0\0\x08ftyp'))],
    ['a WebM of empty elements', Buffer.alloc(8_000_000, Buffer.from([0xec, 0x80]))],
  ])('of %s are given up quickly', async (_what, bytes) => {
    if (bytes[0] === 0xff) bytes[1] = 0xd8
    if (bytes[0] === 0xec) Buffer.from('1a45dfa3801853806701ffffffffffffff', 'hex').copy(bytes)
    const start = performance.now()
    expect((await find(bytes)).found).toBeNull()
    expect(performance.now() - start).toBeLessThan(2000)
  })

  test('of a blob are returned to viewers who may see it', async () => {
    const { blobs, images } = await openImages()
    const { ref } = await blobs.upload(alice, await picture(60, 40).jpeg().toBuffer(), { mimeType: 'image/jpeg' })
    expect(await images.dimensions(alice, ref.toString(), { as: 'account' })).toEqual({ width: 60, height: 40 })
    await expect(images.dimensions(alice, ref.toString())).rejects.toMatchObject({ code: 'BlobNotFound' })
    const text = await blobs.upload(alice, Buffer.from('text'), { mimeType: 'text/plain' })
    expect(await images.dimensions(alice, text.ref.toString(), { as: 'account' })).toBeNull()
  })
})

/** The video with the matrix of an upright recording: a quarter turn. */
function onItsSide(video: Buffer): Buffer {
  const turned = Buffer.from(video)
  const matrix = turned.indexOf('tkhd') + 4 + 40
  for (const [i, value] of [0, 0x10000, 0, -0x10000, 0].entries()) turned.writeInt32BE(value, matrix + i * 4)
  return turned
}

/** The file with one more property, `irot`, for its picture. */
function withRotation(avif: Buffer): Buffer {
  const rotation = Buffer.from('\0\0\0\x09irot\x01', 'latin1')
  const container = avif.indexOf('ipco') - 4
  const end = container + avif.readUInt32BE(container)
  const table = avif.indexOf('ipma') - 4
  let properties = 0
  for (let at = container + 8; at < end; at += avif.readUInt32BE(at)) properties += 1
  const longer = Buffer.concat([
    avif.subarray(0, end),
    rotation,
    avif.subarray(end, table + 18),
    Buffer.from([avif.readUInt8(table + 18) + 1]),
    avif.subarray(table + 19, table + 19 + avif.readUInt8(table + 18)),
    Buffer.from([0x80 | (properties + 1)]),
    avif.subarray(table + 19 + avif.readUInt8(table + 18)),
  ])
  const grow = (at: number, by: number) => longer.writeUInt32BE(longer.readUInt32BE(at) + by, at)
  grow(container, rotation.byteLength)
  grow(table + rotation.byteLength, 1)
  for (const outer of ['iprp', 'meta']) grow(longer.indexOf(outer) - 4, rotation.byteLength + 1)
  return longer
}
