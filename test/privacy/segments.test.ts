import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { picture, plain, shown } from './pictures.ts'
import { partsOf, stripped } from './stripped.ts'

// Parts that sharp does not write, put into its files.

/** A TIFF block that turns a picture by 6, and says nothing else. */
const turned = 'MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'

describe('a JPEG', () => {
  test.each([
    ['a comment', segment(0xfe, 'Made by Alice'), ['comment']],
    ['a comment with a place', segment(0xfe, 'GPS 52.5 13.4'), ['comment (place)']],
    ['IPTC', segment(0xed, 'Photoshop 3.0\0'), ['IPTC']],
    ['IPTC with a city', segment(0xed, 'Photoshop 3.0\x008BIM\x1c\x02\x5a\0\x06Berlin'), ['IPTC (place)']],
    ['extended XMP', segment(0xe1, 'http://ns.adobe.com/xmp/extension/\0abc'), ['XMP']],
    ['an index of further pictures', segment(0xe2, 'MPF\0II*\0'), ['application data']],
    ['notes of a camera', segment(0xe5, 'anything'), ['application data']],
    ['credentials of its content', segment(0xeb, 'JP\0\0c2pa'), ['application data']],
    ['a preview', segment(0xe0, 'JFXX\0\x10preview'), ['application data']],
    ['a damaged Exif', segment(0xe1, 'Exif\0\0II'), ['Exif (place)']],
    ['a second Exif', segment(0xe1, `Exif\0\0${turned}`) + segment(0xe1, `Exif\0\0${turned}`), ['Exif']],
  ])('loses %s', async (_, added, parts) => {
    const before = await plain('jpeg')
    const file = Buffer.concat([before.subarray(0, 2), Buffer.from(added, 'latin1'), before.subarray(2)])
    const after = await stripped(file)
    if (!added.includes(turned)) expect(after.equals(before)).toBe(true)
    expect(await partsOf(file)).toEqual(parts)
    expect(await partsOf(after)).toEqual([])
  })

  test.each([
    ['its colour profile', segment(0xe2, 'ICC_PROFILE\0\x01\x01anything')],
    ['Adobe’s word on its colours', segment(0xee, 'Adobe\0\x64\0\0\0\0\x01')],
    ['restart intervals', segment(0xdd, '\0\0')],
  ])('keeps %s', async (_, added) => {
    const before = await plain('jpeg')
    const file = Buffer.concat([before.subarray(0, 2), Buffer.from(added, 'latin1'), before.subarray(2)])
    expect((await stripped(file)).equals(file)).toBe(true)
  })

  test('whose Exif is filled up with another byte loses it as an Exif, and stays turned', async () => {
    const before = await picture('jpeg')
    const file = Buffer.from(before)
    file[file.indexOf('Exif\0\0') + 5] = 0xff
    expect(await partsOf(file, { what: 'places' })).toEqual(await partsOf(before, { what: 'places' }))
    expect((await stripped(file)).equals(await stripped(before))).toBe(true)
  })

  test('keeps Adobe’s word on its colours, and loses what follows it', async () => {
    const before = await plain('jpeg', '#123456')
    const jfif = before.indexOf('JFIF') === 6 ? 20 : 2 // which would have the last word
    const [after, file] = ['', 'Alice'].map((more) =>
      Buffer.concat([
        before.subarray(0, 2),
        Buffer.from(segment(0xee, `Adobe\0\x64\0\0\0\0\0${more}`), 'latin1'),
        before.subarray(jfif),
      ]),
    ) as [Buffer, Buffer]
    expect(await shown(file)).not.toBe(await shown(before))
    expect(await partsOf(file)).toEqual(['application data'])
    expect((await stripped(file)).equals(after)).toBe(true)
    expect(await shown(after)).toBe(await shown(file))
  })

  test.each([
    ['II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x03\0\0\0Me\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0', turned],
    ['II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0\0\0\0\0', turned],
    ['II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0\0\0\0\0', null],
    ['II*\0\xff\xff\xff\xff\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0', null],
  ])('keeps its orientation, in either order of bytes, if it is one (case %#)', async (exif, kept) => {
    const before = await plain('jpeg')
    const [file, after] = [exif, kept].map((block) => {
      const added = Buffer.from(block === null ? '' : segment(0xe1, `Exif\0\0${block}`), 'latin1')
      return Buffer.concat([before.subarray(0, 2), added, before.subarray(2)])
    }) as [Buffer, Buffer]
    expect((await stripped(file)).equals(after)).toBe(true)
  })

  test('loses the preview in its JFIF, and no more of it', async () => {
    const before = await plain('jpeg')
    const jfif = segment(0xe0, 'JFIF\0\x01\x02\x01\0\x48\0\x48\0\0')
    const preview = segment(0xe0, 'JFIF\0\x01\x02\x01\0\x48\0\x48\x02\x01abcdef')
    const [after, file] = [jfif, preview].map((first) =>
      Buffer.concat([before.subarray(0, 2), Buffer.from(first, 'latin1'), before.subarray(2)]),
    ) as [Buffer, Buffer]
    expect(await partsOf(file)).toEqual(['preview'])
    expect((await stripped(file)).equals(after)).toBe(true)
    expect((await stripped(after)).equals(after)).toBe(true)
  })

  test('whose coded bytes end too early is searched all the same', async () => {
    const before = await plain('jpeg')
    const cut = before.subarray(0, -4)
    const file = Buffer.concat([cut.subarray(0, 2), Buffer.from(segment(0xfe, 'Alice'), 'latin1'), cut.subarray(2)])
    expect((await stripped(file)).equals(cut)).toBe(true)
  })

  test('loses comments between its scans too', async () => {
    const before = await plain('jpeg')
    const file = Buffer.concat([
      before.subarray(0, -2),
      Buffer.from(segment(0xfe, 'Alice'), 'latin1'),
      before.subarray(-2),
    ])
    expect((await stripped(file)).equals(before)).toBe(true)
  })

  test.each([
    ['bytes between its segments', '\0\0\0'],
    ['a second beginning', '\xff\xd8'],
    ['a reserved marker', '\xff\x10\0\x04ab'],
    ['a segment of impossible length', '\xff\xfe\0\x01'],
  ])('with %s cannot be searched', async (_, added) => {
    const before = await plain('jpeg')
    const file = Buffer.concat([
      before.subarray(0, 2),
      Buffer.from(segment(0xfe, 'x') + added, 'latin1'),
      before.subarray(2),
    ])
    await expect(stripped(file)).rejects.toMatchObject({ code: 'PrivateData' })
    expect((await stripped(file, { unsearchable: 'store' })).equals(file)).toBe(true)
  })
})

describe('a PNG', () => {
  test.each([
    ['text', chunk('tEXt', 'Author\0Alice'), ['text']],
    ['text with a place', chunk('tEXt', 'Comment\0latitude 52'), ['text (place)']],
    ['compressed text, which may say anything', chunk('zTXt', 'Comment\0\0abc'), ['text (place)']],
    ['what ImageMagick keeps of an Exif', chunk('tEXt', 'Raw profile type exif\0\n1234'), ['text (place)']],
    ['a time', chunk('tIME', '\x07\xea\x0b\x1d\x17\0\0'), ['time']],
    ['credentials of its content', chunk('caBX', 'jumb'), ['chunk caBX']],
    ['chunks that nobody knows', chunk('prVt', 'Alice'), ['chunk prVt']],
  ])('loses %s', async (_, added, parts) => {
    const before = await plain('png')
    const file = Buffer.concat([before.subarray(0, 33), added, before.subarray(33)])
    expect((await stripped(file)).equals(before)).toBe(true)
    expect(await partsOf(file)).toEqual(parts)
  })

  test.each([
    ['gAMA', '\0\0\xb1\x8f'],
    ['sRGB', '\0'],
    ['cICP', '\x09\x10\0\x01'],
    ['acTL', '\0\0\0\x01\0\0\0\0'],
    ['pHYs', '\0\0\x0b\x13\0\0\x0b\x13\x01'],
  ])('keeps its chunk %s', async (name, content) => {
    const before = await plain('png')
    const file = Buffer.concat([before.subarray(0, 33), chunk(name, content), before.subarray(33)])
    expect((await stripped(file)).equals(file)).toBe(true)
  })

  test('whose chunk claims more bytes than there are cannot be searched', async () => {
    const file = Buffer.from(await plain('png'))
    file.writeUInt32BE(0xfffffff0, 33)
    await expect(stripped(file)).rejects.toMatchObject({ code: 'PrivateData' })
  })
})

describe('a WebP', () => {
  test('whose chunk or whole claims more bytes than there are cannot be searched', async () => {
    for (const at of [4, 16]) {
      const file = Buffer.from(await plain('webp'))
      file.writeUInt32LE(file.readUInt32LE(at) + 2, at)
      await expect(stripped(file)).rejects.toMatchObject({ code: 'PrivateData' })
    }
  })

  test('loses unknown chunks within the frames of an animation, which stays', async () => {
    const still = (await plain('webp')).subarray(12)
    const extra = (says: Buffer) => riff('EXIF', says)
    const [file, after] = [Buffer.from('GPSLatitude of Alice'), Buffer.alloc(20)].map((says) =>
      whole([
        riff('VP8X', Buffer.from([0x02, 0, 0, 0, 7, 0, 0, 7, 0, 0])),
        riff('ANIM', Buffer.alloc(6)),
        riff(
          'ANMF',
          Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 7, 0, 0, 7, 0, 0, 9, 0, 0, 0]), still, extra(says)]),
        ),
      ]),
    ) as [Buffer, Buffer]
    expect(await partsOf(file)).toEqual(['other chunk (place)'])
    expect((await stripped(file)).equals(after)).toBe(true)
    expect((await stripped(after)).equals(after)).toBe(true)
    expect(await shown(after)).toBe(await shown(file))
  })

  test('with the flags of what it lost still opens', async () => {
    const before = await plain('webp')
    expect(before.subarray(12, 16).toString()).toBe('VP8 ')
    const header = riff('VP8X', Buffer.from([0x0c, 0, 0, 0, 7, 0, 0, 7, 0, 0]))
    const extra = [
      riff('EXIF', Buffer.from('MM\0*', 'latin1')),
      riff('XMP ', Buffer.from('exif:GPSLatitude')),
      riff('abcd', Buffer.from('x')),
    ]
    const file = whole([header, before.subarray(12), ...extra])
    const after = await stripped(file)
    expect(after.equals(whole([riff('VP8X', Buffer.from([0, 0, 0, 0, 7, 0, 0, 7, 0, 0])), before.subarray(12)]))).toBe(
      true,
    )
    expect(await shown(after)).toBe(await shown(before))
    const placed = await stripped(file, { what: 'places' })
    expect(
      placed.equals(
        whole([
          riff('VP8X', Buffer.from([0, 0, 0, 0, 7, 0, 0, 7, 0, 0])),
          before.subarray(12),
          riff('abcd', Buffer.from('x')),
        ]),
      ),
    ).toBe(true)
  })
})

function segment(marker: number, content: string): string {
  const length = content.length + 2
  return `\xff${String.fromCharCode(marker, length >> 8, length & 255)}${content}`
}

function chunk(type: string, content: string): Buffer {
  const bytes = Buffer.from(`\0\0\0\0${type}${content}\0\0\0\0`, 'latin1')
  bytes.writeUInt32BE(content.length)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.byteLength - 4)
  return bytes
}

function riff(type: string, content: Buffer): Buffer {
  const head = Buffer.from(`${type}\0\0\0\0`)
  head.writeUInt32LE(content.byteLength, 4)
  return Buffer.concat([head, content, Buffer.alloc(content.byteLength % 2)])
}

function whole(chunks: readonly Buffer[]): Buffer {
  return riff('RIFF', Buffer.concat([Buffer.from('WEBP'), ...chunks]))
}
