import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { type Kind, picture, plain, secrets, shown } from './pictures.ts'
import { examined, partsOf, stripped } from './stripped.ts'

// Files by sharp, as phones write them, looked at by sharp again: what is shown is the same, and what was private is gone.

const kinds: readonly Kind[] = ['jpeg', 'png', 'webp']

describe.each(kinds)('a picture as %s', (kind) => {
  test('loses who, where and with what it was made, and looks the same', async () => {
    const before = await picture(kind)
    const after = await stripped(before)
    expect(before.includes('SERIAL-777')).toBe(true)
    expect(secrets.filter((secret) => after.includes(secret))).toEqual([])
    expect(await shown(after)).toBe(await shown(before))
    const { orientation, icc, xmp } = await sharp(after).metadata()
    expect({ orientation, icc: icc?.length, xmp }).toEqual({
      orientation: 6,
      icc: (await sharp(before).metadata()).icc?.length,
      xmp: undefined,
    })
  })

  test('has the same bytes when it is stripped again', async () => {
    const once = await stripped(await picture(kind))
    expect((await examined(once)).changes).toEqual([])
  })

  test('that says nothing keeps its bytes', async () => {
    expect(await examined(await plain(kind))).toEqual({ changes: [], found: [] })
  })

  test('that is not turned has no Exif afterwards', async () => {
    const after = await stripped(await picture(kind, { orientation: 1 }))
    expect((await sharp(after).metadata()).exif).toBeUndefined()
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('that is turned by %i is still turned so', async (orientation) => {
    const before = await picture(kind, { orientation })
    const after = await stripped(before)
    expect(await shown(after)).toBe(await shown(before))
    expect((await sharp(after).metadata()).orientation ?? 1).toBe(orientation)
  })

  test('counts as naming a place only if it does', async () => {
    expect((await partsOf(await picture(kind))).some((part) => part.includes('(place)'))).toBe(true)
    const without = await picture(kind, { places: false })
    expect(await partsOf(without, { what: 'all' })).toEqual(['Exif'])
    expect(await partsOf(without, { what: 'places' })).toEqual([])
  })

  test('is refused by what was found, and by nothing of its content', async () => {
    const refused = examined(await picture(kind), { mode: 'refuse' })
    await expect(refused).rejects.toMatchObject({ code: 'PrivateData', message: expect.stringContaining('Exif') })
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('Alice') })
    expect((await examined(await picture(kind, { places: false }), { mode: 'refuse' })).found).toEqual([])
  })

  test('is stored as it is after a warning', async () => {
    const { changes, found } = await examined(await picture(kind), { mode: 'warn' })
    expect(changes).toEqual([])
    expect(found).toMatchObject([{ outcome: 'stored', parts: expect.arrayContaining([{ name: 'Exif', place: true }]) }])
  })

  test('that is cut off within its header is refused, or stored as it is, by choice', async () => {
    const half = (await picture(kind)).subarray(0, 400)
    await expect(examined(half)).rejects.toMatchObject({
      code: 'PrivateData',
      message: /cannot be searched.*ends early/,
    })
    const { changes, found } = await examined(half, { unsearchable: 'store' })
    expect(changes).toEqual([])
    expect(found).toMatchObject([{ unsearchable: 'it ends early', outcome: 'stored', parts: [] }])
  })

  test('takes nothing with it that was put behind its end', async () => {
    const before = await plain(kind)
    const video = Buffer.from('\0\0\0\x18ftypmp42 a moment before')
    expect((await stripped(Buffer.concat([before, video]))).equals(before)).toBe(true)
    expect(await partsOf(Buffer.concat([before, video]))).toEqual(['data after the picture'])
    expect(await partsOf(Buffer.concat([before, video, Buffer.from('\xa9xyz', 'latin1')]))).toEqual([
      'data after the picture (place)',
    ])
    for (const places of [true, false]) {
      // Its Exif alone: sharp writes the same in XMP.
      const second = (await picture('jpeg', { places })).toString('latin1').replace(/exif:GPSLatitude/, 'nothing')
      const added = Buffer.from(`${'-'.repeat(65_530)}${second}`, 'latin1')
      expect((await partsOf(Buffer.concat([before, added])))[0]?.endsWith('(place)')).toBe(places)
    }
    const filledUp = Buffer.concat([before, Buffer.alloc(512)])
    expect((await stripped(filledUp)).equals(filledUp)).toBe(true)
  })
})

test('an animated WebP keeps its frames', async () => {
  const frames = await Promise.all(['#f00', '#0f0', '#00f'].map((background) => plain('png', background)))
  const before = await sharp(frames, { join: { animated: true } })
    .withExif({ IFD0: { Artist: 'Alice Secret' } })
    .webp({ delay: [50, 60, 70] })
    .toBuffer()
  const after = await stripped(before)
  expect(after.includes('Alice Secret')).toBe(false)
  expect(await shown(after)).toBe(await shown(before))
  expect((await sharp(after).metadata()).delay).toEqual([50, 60, 70])
})

test('files of other formats are left alone, whatever they contain', async () => {
  for (const text of ['', 'GPS', 'GIF89a', '%PDF-1.7 GPS', 'RIFF....WAVEGPS', '\xff\xd8', '\x89PNG']) {
    expect(await examined(Buffer.from(text, 'latin1'))).toEqual({ changes: [], found: [] })
  }
})
