import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBlobStoreError } from '../../src/index.ts'
import { box } from '../images/wild/boxes.ts'
import { u16, u32 } from '../images/wild/file.ts'
import { type Kind, picture, plain } from './pictures.ts'
import { examined, stripped } from './stripped.ts'

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../fixtures/private', name))
const runs = 3000
const MiB = 1024 * 1024

const files: [string, () => Promise<Buffer>][] = [
  ...(['jpeg', 'png', 'webp', 'avif'] as Kind[]).map((kind): [string, () => Promise<Buffer>] => [
    kind,
    () => picture(kind),
  ]),
  ...['phone.heic', 'phone.mp4', 'phone.mov', 'fragmented.mp4'].map((name): [string, () => Promise<Buffer>] => [
    name,
    async () => fixture(name),
  ]),
]

/** A change of some bytes: to numbers that lengths, counts and offsets fear, or to others; or of the length. */
const damage = fc.array(
  fc.record({
    at: fc.nat(),
    bytes: fc.oneof(
      fc.constantFrom(
        '\0',
        '\xff',
        '\0\0\0\0',
        '\0\0\0\x01',
        '\xff\xff\xff\xff',
        '\x7f\xff\xff\xff',
        '\x80\0\0\0',
        '\0\0',
      ),
      fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 4 }),
    ),
    how: fc.constantFrom('overwrite', 'overwrite', 'overwrite', 'insert', 'remove', 'cut'),
  }),
  { minLength: 1, maxLength: 4 },
)

function damaged(file: Buffer, changes: { at: number; bytes: string; how: string }[]): Buffer {
  return changes.reduce((bytes, { at, bytes: given, how }) => {
    const start = bytes.byteLength === 0 ? 0 : at % bytes.byteLength
    const end = {
      overwrite: start + given.length,
      insert: start,
      remove: start + given.length * 9,
      cut: bytes.byteLength,
    }[how]
    const put = how === 'remove' || how === 'cut' ? '' : given
    return Buffer.concat([bytes.subarray(0, start), Buffer.from(put, 'latin1'), bytes.subarray(end)])
  }, file)
}

describe.each(files)('a damaged %s', (_, make) => {
  // Fails when a length is believed, parts overlap, or a change makes the file one that is seen in another way.
  test('is refused for what it is, or becomes a file that has nothing to strip', async () => {
    const file = await make()
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const before = damaged(file, changes)
        const after = await stripped(before).catch((error: unknown) => {
          if (!isBlobStoreError(error, 'PrivateData')) throw error
          return null
        })
        if (after === null) return
        expect(after.byteLength).toBeLessThanOrEqual(before.byteLength)
        expect((await examined(after)).changes).toEqual([])
      }),
      { numRuns: runs },
    )
  })
})

describe('a HEIF file', () => {
  const at = (...starts: number[]): Buffer => Buffer.concat(starts.map((start, i) => u16(i + 1, 0, 1, start, 4)))

  test('whose items lie outside of its data, or share bytes, cannot be searched', async () => {
    const data = heif({ sizes: 0x22, count: 2, locations: at(0, 0) }).byteLength - 8
    const good = heif({ sizes: 0x22, count: 2, locations: at(data, data + 4) })
    expect((await stripped(good)).subarray(-8).equals(Buffer.alloc(8))).toBe(true)
    for (const [starts, why] of [
      [[data, 4], 'outside of its data'],
      [[data, data - 8], 'outside of its data'],
      [[data, data + 6], 'outside of its data'],
      [[data, data + 2], 'overlap'],
      [[data - 10], 'without locations'],
    ] as const) {
      const bad = heif({ sizes: 0x22, count: starts.length, locations: at(...starts) })
      await expect(examined(bad)).rejects.toMatchObject({ code: 'PrivateData', message: expect.stringContaining(why) })
    }
  })
})

test('a HEIF file whose items have millions of pieces is refused before others wait for it', async () => {
  const item = Buffer.concat([u16(3, 0, 0xffff), Buffer.alloc(0xffff * 8)])
  const file = heif({ sizes: 0x44, count: 15, locations: Buffer.concat(Array.from({ length: 15 }, () => item)) })
  await expect(examined(file)).rejects.toMatchObject({ message: expect.stringContaining('too many items') })
})

describe('a HEIF file with items of other kinds', () => {
  test.each([
    ['a text without a type of item, as in old files', [0, 0, 0, 0, 0, 9, 0, 0], 'x\0application/rdf+xml\0'],
    ['a long number', [3, 0, 0, 0, 0, 0, 0, 9, 0, 0], 'mime\0application/rdf+xml\0'],
  ])('loses its XMP: %s', async (_, head, text) => {
    const says = '<rdf:RDF exif:GPSLatitude="52" dc:creator="Alice Secret"/>'
    const none = Buffer.alloc(4)
    const handler = box('hdlr', none, none, Buffer.from('pict'), Buffer.alloc(13))
    const infe = box('infe', Buffer.from(head), Buffer.from(text))
    const long = head[0] === 3
    // In the box itself, by the second way to say where.
    const iloc = box(
      'iloc',
      Buffer.from([long ? 2 : 1, 0, 0, 0]),
      Buffer.from([0x44, 0]),
      long ? u32(1, 9) : u16(1, 9),
      u16(1, 0, 1),
      u32(0, says.length),
    )
    const meta = box(
      'meta',
      none,
      handler,
      box('iinf', Buffer.from([1, 0, 0, 0]), u32(1), infe),
      iloc,
      box('idat', Buffer.from(says)),
      box('uuid', Buffer.from('Alice Secret')),
    )
    const before = Buffer.concat([box('ftyp', Buffer.from('heic\0\0\0\0mif1')), meta])
    const after = await stripped(before)
    expect(after.toString('latin1')).not.toMatch(/Alice|GPS/)
    expect(after.byteLength).toBe(before.byteLength)
    expect(after.includes('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>   ')).toBe(true)
    expect((await examined(after)).changes).toEqual([])
  })
})

test('a file of too many parts cannot be searched', async () => {
  for (const file of [
    await afterSoi(Buffer.alloc(4 * MiB, '\xff\xfe\0\x02\xff\xdd\0\x02', 'latin1')),
    Buffer.concat([movie(), Buffer.alloc(4 * MiB, '\0\0\0\x08free')]),
  ]) {
    await expect(examined(file)).rejects.toMatchObject({ message: expect.stringContaining('too many parts') })
  }
})

describe('a file that was made to cost much', () => {
  test.each<[string, () => Buffer | Promise<Buffer>]>([
    ['millions of comments', async () => afterSoi(Buffer.alloc(12 * MiB, '\xff\xfe\0\x02', 'latin1'))],
    ['millions of fill bytes', async () => afterSoi(Buffer.alloc(12 * MiB, 0xff))],
    [
      'millions of chunks',
      async () => Buffer.concat([(await plain('png')).subarray(0, 33), Buffer.alloc(24 * MiB, '\0\0\0\0sRGB\0\0\0\0')]),
    ],
    [
      'millions of texts',
      async () => Buffer.concat([(await plain('png')).subarray(0, 33), Buffer.alloc(24 * MiB, '\0\0\0\0tEXt\0\0\0\0')]),
    ],
    [
      'millions of boxes',
      () =>
        movie(
          box('udta', Buffer.alloc(24 * MiB, '\0\0\0\x08abcd')),
          box('trak', Buffer.alloc(24 * MiB, '\0\0\0\x08abcd')),
        ),
    ],
    ['millions of spaces', () => Buffer.concat([movie(), Buffer.alloc(24 * MiB, '\0\0\0\x08free')])],
    ['boxes in boxes without end', () => movie(nested(50_000))],
    [
      'millions of items',
      () => heif({ sizes: 0, count: 0xffff, locations: Buffer.alloc(8 * MiB - 100, '\0\x03\0\0\xff\xff') }),
    ],
    ['words that almost name a place', async () => afterSoi(comments('Iptc4xmp'))],
    ['a thousand directories of places', async () => afterSoi(directories())],
  ])('with %s takes seconds at most, and no part of the file is believed', async (_, make) => {
    const file = await make()
    const before = performance.now()
    await stripped(file).catch((error: unknown) => {
      if (!isBlobStoreError(error, 'PrivateData')) throw error
    })
    expect(performance.now() - before).toBeLessThan(10_000)
  })
})

const afterSoi = async (bytes: Buffer): Promise<Buffer> => {
  const file = await plain('jpeg')
  return Buffer.concat([file.subarray(0, 2), bytes, file.subarray(2)])
}

const movie = (...inner: Buffer[]): Buffer =>
  Buffer.concat([box('ftyp', Buffer.from('isom\0\0\0\0')), box('moov', ...inner)])

function nested(depth: number): Buffer {
  const heads = Buffer.alloc(depth * 8)
  for (let i = 0; i < depth; i++) {
    heads.writeUInt32BE((depth - i) * 8, i * 8)
    heads.write('trak', i * 8 + 4)
  }
  return heads
}

function comments(word: string): Buffer {
  const one = Buffer.alloc(65_537, word)
  one.writeUInt32BE(0xfffeffff)
  return Buffer.concat(Array.from({ length: 100 }, () => one))
}

/** Exif of 2500 entries, each a directory of the same 2500 entries, which name no place. */
function directories(): Buffer {
  const segment = Buffer.alloc(65_537)
  segment.writeUInt32BE(0xffe1ffff)
  segment.write('Exif\0\0MM\0*\0\0\0\x08', 4, 'latin1')
  const [tiff, second] = [10, 31_000]
  segment.writeUInt16BE(2500, tiff + 8)
  for (let i = 0; i < 2500; i++) {
    segment.write('\x88\x25\0\x04\0\0\0\x01', tiff + 10 + i * 12, 'latin1')
    segment.writeUInt32BE(second, tiff + 10 + i * 12 + 8)
  }
  segment.writeUInt16BE(2500, tiff + second)
  return Buffer.concat(Array.from({ length: 100 }, () => segment))
}

/** A HEIF file with two Exif items of four bytes each. */
function heif({ sizes, count, locations }: { sizes: number; count: number; locations: Buffer }): Buffer {
  const none = Buffer.alloc(4)
  const entries = [1, 2].map((id) => box('infe', Buffer.from([2, 0, 0, 0, 0, id, 0, 0]), Buffer.from('Exif\0')))
  const iloc = box('iloc', none, Buffer.from([sizes, 0]), u16(count), locations)
  const handler = box('hdlr', none, none, Buffer.from('pict'), Buffer.alloc(13))
  const meta = box('meta', none, handler, box('iinf', none, u16(2), ...entries), iloc)
  return Buffer.concat([box('ftyp', Buffer.from('heic\0\0\0\0mif1')), meta, box('mdat', Buffer.from('Exif1234'))])
}
