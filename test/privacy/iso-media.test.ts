import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { bodyOf, box, boxesOf } from '../images/wild/boxes.ts'
import { u32 } from '../images/wild/file.ts'
import { picture, secrets, shown } from './pictures.ts'
import { examined, partsOf, stripped } from './stripped.ts'

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../fixtures', name))

// By ffmpeg, exiftool and heif-enc: scripts/make-media.sh.
const movies = [
  { name: 'private/phone.mp4', parts: ['times', 'user data (place)', 'XMP (place)'] },
  { name: 'private/phone.mov', parts: ['times', 'user data (place)'] },
  { name: 'private/fragmented.mp4', parts: ['times', 'user data (place)'] },
]

describe.each(movies)('the movie $name', ({ name, parts }) => {
  test('loses what it says of places, people and times, and no byte moves', async () => {
    const before = fixture(name)
    expect(await partsOf(before)).toEqual(parts)
    const after = await stripped(before)
    expect([...secrets, '+52.5', 'ISO6709'].filter((secret) => after.includes(secret))).toEqual([])
    expect(after.byteLength).toBe(before.byteLength)
    expect(samplesOf(after)).toEqual(samplesOf(before))
    expect(bodyOf(after, 'stbl').equals(bodyOf(before, 'stbl'))).toBe(true)
  })

  test('has the same bytes when it is stripped again', async () => {
    expect((await examined(await stripped(fixture(name)))).changes).toEqual([])
  })

  test('loses only what names a place, if only places count', async () => {
    const after = await stripped(fixture(name), { what: 'places' })
    expect(after.includes('+52.5')).toBe(false)
    expect(bodyOf(after, 'mvhd').equals(bodyOf(fixture(name), 'mvhd'))).toBe(true)
    expect(await partsOf(after)).toEqual(['times'])
  })

  test('is refused if its places are', async () => {
    await expect(examined(fixture(name), { mode: 'refuse' })).rejects.toMatchObject({ code: 'PrivateData' })
  })
})

test('movies and pictures that say nothing, and songs, keep their bytes', async () => {
  for (const name of ['media/clip.mov', 'media/tone.m4a', 'images/8000x8000.avif']) {
    expect(await examined(fixture(name)), name).toEqual({ changes: [], found: [] })
  }
})

describe('a movie', () => {
  test.each([false, true])(
    'loses the track of a sensor, and its samples among those of others (of a large file: %s)',
    async (long) => {
      const before = withSensor('gpmd', 'GPS5 52.52 13.40', { long })
      expect(before.includes('52.52')).toBe(true)
      expect(await partsOf(before)).toEqual(['timed metadata (place)'])
      const after = await stripped(before)
      expect(after.includes('52.52')).toBe(false)
      expect(after.includes('neighbour')).toBe(true)
      expect(after.byteLength).toBe(before.byteLength)
      expect(typesIn(bodyOf(after, 'moov'))).toEqual(['mvhd', 'trak', 'free'])
      expect((await examined(after)).changes).toEqual([])
    },
  )

  test('loses the track of a sensor, whatever its maker calls it', async () => {
    const car = withSensor('marl', 'GPS 52.52 13.40', { handler: 'ctbx' })
    expect(await partsOf(car)).toEqual(['timed metadata (place)'])
    expect((await stripped(car)).includes('52.52')).toBe(false)
    const subtitles = withSensor('tx3g', 'Alice', { handler: 'sbtl' })
    expect((await stripped(subtitles)).includes('Alice')).toBe(true)
  })

  test('loses the places that a car’s camera writes between the samples', async () => {
    const block = box('free', Buffer.from('GPS 52.52 13.40'))
    const data = box('mdat', block, Buffer.from('neighbour'))
    const start = fixture('media/clip.mov').indexOf('moov') - 4 + 8
    const list = (...entries: number[]) => box('gps ', u32(0, 1, ...entries))
    const file = withMoov((moov) => box('moov', moov, list(start, block.byteLength)), data)
    expect(await partsOf(file)).toEqual(['places (place)', 'application data'])
    const after = await stripped(file)
    expect(after.includes('52.52')).toBe(false)
    expect(after.includes('neighbour')).toBe(true)
    expect(after.byteLength).toBe(file.byteLength)
    const long = withMoov((moov) => box('moov', moov, box('gps ', Buffer.alloc(1024 * 1024))), data)
    await expect(stripped(long)).rejects.toMatchObject({ code: 'PrivateData' })
    // A track, whose numbers are no offsets of such blocks.
    const other = withMoov(
      (moov) => box('moov', moov, list(start + 1, 20, 0xffffffff, 0xffffffff, 1, 2, start, 0)),
      data,
    )
    expect((await stripped(other)).includes(block)).toBe(true)
  })

  test('loses no sensor that names no place, if only places count', async () => {
    const faces = withSensor('mebx', 'mdta com.apple.quicktime.detected-face')
    expect(await partsOf(faces, { what: 'places' })).toEqual([])
    expect(await partsOf(faces)).toEqual(['timed metadata'])
    const place = withSensor('mebx', 'mdta com.apple.quicktime.location.ISO6709')
    expect(await partsOf(place, { what: 'places' })).toEqual(['timed metadata (place)'])
  })

  test.each([
    ['what is in unused space', box('free', Buffer.from('Alice at 52.5')), ['unused space']],
    ['a box that nobody knows', box('abcd', Buffer.from('Alice')), ['application data']],
    [
      'metadata as QuickTime writes it',
      box('meta', box('hdlr', Buffer.alloc(8), Buffer.from('mdta')), box('keys', Buffer.from('Alice'))),
      ['application data'],
    ],
    ['when a fragment was produced', box('prft', Buffer.from('Alice')), ['application data']],
    ['events beside the samples', box('emsg', Buffer.from('Alice at GPS: 52.5')), ['application data (place)']],
    ['empty metadata', box('meta'), ['application data']],
    ['what a fragment says', box('moof', box('traf', box('udta', Buffer.from('Alice')))), ['user data']],
    ['a box of more than 4 GiB, as its header has it', long('abcd', 'Alice'), ['application data']],
    ['the video of a moment', box('mpvd', Buffer.from('ftyp')), ['application data']],
    ['data without a box', Buffer.from('\0\0\0\x01SEFT Alice'), ['data after the picture']],
  ])('loses %s', async (_, added, parts) => {
    const file = Buffer.concat([await stripped(fixture('media/clip.mp4')), added])
    expect(await partsOf(file)).toEqual(parts)
    const after = await stripped(file)
    expect(after.includes('Alice') || after.includes('mpvd')).toBe(false)
    expect(samplesOf(after)).toEqual(samplesOf(file))
  })

  test('is known without brands, whatever box it begins with, and however long that is', async () => {
    const user = box('moov', box('udta', Buffer.from('Alice')))
    for (const head of [
      box('mdat', Buffer.alloc(17 * 1024 * 1024)),
      box('free', Buffer.alloc(8)),
      box('skip'),
      box('ftyp'),
      Buffer.from('\0\0\0\x01ftyp\0\0\0\0\0\0\0\x18qt  \0\0\0\0'),
    ]) {
      expect(await partsOf(Buffer.concat([head, user]))).toEqual(['user data'])
    }
    expect(await partsOf(Buffer.from('Are free words a movie? moov!'))).toEqual([])
    expect(await partsOf(Buffer.from('Are mdat'))).toEqual([])
  })

  test('keeps how a sphere is projected, and loses other extensions of a track', async () => {
    const sphere = box('uuid', Buffer.from('ffcc82637f855e4a938814587a02521f', 'hex'), Buffer.from('<rdf:RDF/>'))
    const other = box('uuid', Buffer.alloc(16, 7), Buffer.from('Alice'))
    const after = await stripped(withMoov((moov) => box('moov', moov, box('trak', sphere, other))))
    expect(after.includes(sphere)).toBe(true)
    expect(after.includes('Alice')).toBe(false)
  })

  test.each([
    ['a compressed index', () => withMoov(() => box('moov', box('cmov', Buffer.alloc(8))))],
    [
      'a box that is longer than its parent',
      () => withMoov((moov) => box('moov', moov, Buffer.from('\0\0\x7f\xfftrak'))),
    ],
    ['an index that is cut off', () => fixture('media/clip.mov').subarray(0, -100)],
    ['samples outside of its data', () => withSensor('gpmd', 'GPS', { offset: 8 })],
    ['more samples than it has sizes for', () => withSensor('gpmd', 'GPS', { samples: 3 })],
    ['a sensor in fragments', () => Buffer.concat([withSensor('gpmd', 'GPS'), box('moof')])],
  ])('with %s cannot be searched', async (_, make) => {
    await expect(examined(make())).rejects.toMatchObject({ code: 'PrivateData', message: /cannot be searched/ })
    expect((await stripped(make(), { unsearchable: 'store' })).equals(make())).toBe(true)
  })
})

describe('a HEIC', () => {
  const before = fixture('private/phone.heic')

  test('loses Exif and XMP in their place, and every other byte stays', async () => {
    expect(await partsOf(before)).toEqual(['Exif (place)', 'XMP (place)'])
    const { changes } = await examined(before)
    const after = await stripped(before)
    expect(secrets.filter((secret) => after.includes(secret))).toEqual([])
    expect(after.byteLength).toBe(before.byteLength)
    let at = 0
    for (const { start, end } of [...changes, { start: before.byteLength, end: before.byteLength }]) {
      expect(after.subarray(at, start).equals(before.subarray(at, start))).toBe(true)
      at = end
    }
    expect((await examined(after)).changes).toEqual([])
  })

  test('has an Exif afterwards that says how it is turned, and nothing else', async () => {
    const { exif, xmp, orientation } = await sharp(await stripped(before)).metadata()
    expect(orientation).toBe((await sharp(before).metadata()).orientation)
    expect(
      Buffer.from(exif ?? [])
        .toString('latin1')
        .replaceAll('\0', '').length,
    ).toBeLessThan(30)
    expect(String(xmp)).not.toContain('GPS')
  })

  test('loses what its properties say of it, and keeps those that show it', async () => {
    const told = [
      ['udes', 'Alice in Berlin'],
      ['crtt', 'Alice 01'],
      ['mdft', 'Alice 02'],
      ['itai', 'Alice 03'],
    ] as const
    const boxes = told.map(([type, says]) => box(type, Buffer.alloc(4), Buffer.from(says)))
    const shape = box('ispe', Buffer.alloc(4), u32(8), u32(8))
    const handler = box('hdlr', Buffer.alloc(8), Buffer.from('pict'), Buffer.alloc(13))
    const meta = box('meta', Buffer.alloc(4), handler, box('iprp', box('ipco', ...boxes, shape)))
    const file = Buffer.concat([box('ftyp', Buffer.from('heic\0\0\0\0mif1')), meta])
    expect(await partsOf(file)).toEqual(['description', 'times'])
    const after = await stripped(file)
    expect(after.includes('Alice')).toBe(false)
    expect(typesIn(bodyOf(after, 'ipco'))).toEqual(['free', 'free', 'free', 'free', 'ispe'])
    expect(after.includes(shape)).toBe(true)
    expect((await examined(after)).changes).toEqual([])
  })

  test('with items outside of its data, or without an end, cannot be searched', async () => {
    const iloc = before.indexOf('iloc')
    for (const [at, bytes] of [
      [iloc + 8, '\x40'],
      [iloc + 8, '\0\0\xff\xff'],
      [iloc + 4, '\x07'],
    ] as const) {
      const file = Buffer.from(before)
      file.write(bytes, at, 'latin1')
      await expect(examined(file)).rejects.toMatchObject({ code: 'PrivateData' })
    }
  })
})

test('an AVIF loses Exif and XMP, and looks the same', async () => {
  const before = await picture('avif')
  const after = await stripped(before)
  expect(secrets.filter((secret) => after.includes(secret))).toEqual([])
  expect(await shown(after)).toBe(await shown(before))
  expect((await examined(after)).changes).toEqual([])
})

/** A box with a length of 8 bytes. */
function long(type: string, content: string): Buffer {
  return Buffer.concat([u32(1), Buffer.from(type), u32(0), u32(16 + content.length), Buffer.from(content)])
}

/** The coded pictures and sounds. */
const samplesOf = (file: Buffer): Buffer[] =>
  boxesOf(file)
    .filter(({ type }) => type === 'mdat')
    .map(({ body }) => body)

const typesIn = (body: Buffer): string[] => boxesOf(body).map(({ type }) => type)

/** A QuickTime movie, whose index is its last box, with another index. */
function withMoov(change: (moov: Buffer) => Buffer, data: Buffer = Buffer.alloc(0)): Buffer {
  const clip = fixture('media/clip.mov')
  const at = clip.indexOf('moov') - 4
  return Buffer.concat([clip.subarray(0, at), data, change(clip.subarray(at + 8))])
}

interface SensorOptions {
  offset?: number
  samples?: number
  handler?: string
  /** With one size for all samples, and offsets of 8 bytes, as in files of more than 4 GiB. */
  long?: boolean
}

/** With a track of two samples, behind each of which is what belongs to others. */
function withSensor(
  format: string,
  says: string,
  { offset = 0, samples = 1, long = false, handler = 'meta' }: SensorOptions = {},
): Buffer {
  const sample = Buffer.from(says)
  const data = box('mdat', sample, Buffer.from('neighbour'), sample, Buffer.from('neighbour'))
  const start = fixture('media/clip.mov').indexOf('moov') - 4 + 8
  const [none, length] = [Buffer.alloc(4), sample.length]
  const [first, second] = [offset || start, start + length + 9]
  const table = box(
    'stbl',
    box('stsd', none, u32(1), u32(16 + says.length), Buffer.from(format), format === 'mebx' ? sample : none),
    box('stsc', none, u32(1), u32(1), u32(samples), u32(1)),
    long ? box('stsz', none, u32(length), u32(2)) : box('stsz', none, u32(0), u32(2), u32(length), u32(length)),
    long ? box('co64', none, u32(2), u32(0, first, 0, second)) : box('stco', none, u32(2), u32(first, second)),
  )
  const kind = box('hdlr', none, none, Buffer.from(handler), Buffer.alloc(12))
  const trak = box('trak', box('mdia', kind, box('minf', table)))
  return withMoov((moov) => box('moov', moov, trak), data)
}
