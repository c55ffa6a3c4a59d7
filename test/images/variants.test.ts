import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { blueskyPresets, createImageVariants } from '../../src/images.ts'
import { MemoryBackend } from '../../src/index.ts'
import { alice } from '../http/place.ts'
import { openImages, picture } from './place.ts'

describe('a variant', () => {
  test('is the image, smaller, in the requested format', async () => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, await picture(3000, 2000).jpeg().toBuffer(), 'image/jpeg')
    for (const format of ['jpeg', 'webp', 'avif'] as const) {
      const { mimeType, bytes } = await images.variant(alice, cid, 'feed_thumbnail', { format })
      expect(mimeType).toBe(`image/${format}`)
      const { width, height, format: found } = await sharp(bytes).metadata()
      expect({ width, height, found }).toEqual({ width: 1000, height: 667, found: format === 'avif' ? 'heif' : format })
    }
  })

  test.each([
    ['feed_thumbnail', 1000, 750],
    ['feed_fullsize', 2000, 1500],
    ['avatar', 1000, 1000],
    ['avatar_thumbnail', 128, 128],
    ['banner', 3000, 1000],
    ['mine', 50, 20],
  ])('by the preset %s is %i × %i', async (preset, width, height) => {
    const presets = { ...blueskyPresets, mine: { width: 50, height: 20, fit: 'cover' as const } }
    const { images, publish } = await openImages({ presets })
    const cid = await publish(alice, await picture(4000, 3000).jpeg().toBuffer(), 'image/jpeg')
    expect(await sharp((await images.variant(alice, cid, preset)).bytes).metadata()).toMatchObject({ width, height })
  })

  test('is never larger than the image', async () => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, await picture(20, 10).png().toBuffer(), 'image/png')
    const { bytes } = await images.variant(alice, cid, 'feed_fullsize')
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 20, height: 10 })
  })

  test.each([
    { picture: [20, 10], avatar: [10, 10], banner: [20, 7] },
    { picture: [500, 3000], avatar: [500, 500], banner: [500, 167] },
    { picture: [3000, 500], avatar: [500, 500], banner: [1500, 500] },
    { picture: [1, 1], avatar: [1, 1], banner: [1, 1] },
  ])(
    'has the shape of a cropping preset, even of a picture that is smaller: %o',
    async ({ picture: size, ...wanted }) => {
      const { images, publish } = await openImages()
      const [width = 0, height = 0] = size
      // Rotated: the shape is that of the upright picture.
      const photo = await picture(height, width).withMetadata({ orientation: 6 }).jpeg().toBuffer()
      const cid = await publish(alice, photo, 'image/jpeg')
      for (const [preset, [wide, high]] of Object.entries(wanted)) {
        const { bytes } = await images.variant(alice, cid, preset)
        expect(await sharp(bytes).metadata()).toMatchObject({ width: wide, height: high })
      }
    },
  )

  test('is upright, and reveals nothing of where, when and with what it was taken', async () => {
    const { images, publish } = await openImages()
    const photo = await picture(60, 40)
      .withExif({ IFD0: { Make: 'SecretCam' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 3230/100' } })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">SecretPlace</x:xmpmeta>')
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    expect(await sharp(photo).metadata()).toMatchObject({ orientation: 6, width: 60, exif: expect.anything() })
    for (const secret of ['SecretCam', 'SecretPlace']) expect(photo.toString('latin1')).toContain(secret)
    const cid = await publish(alice, photo, 'image/jpeg')
    for (const format of ['jpeg', 'webp', 'avif'] as const) {
      const { bytes } = await images.variant(alice, cid, 'feed_thumbnail', { format })
      const { width, height, orientation = 1, exif, xmp, iptc, icc } = await sharp(bytes).metadata()
      expect({ width, height, orientation }).toEqual({ width: 40, height: 60, orientation: 1 })
      expect([exif, xmp, iptc, icc]).toEqual([undefined, undefined, undefined, undefined])
      expect(Buffer.from(bytes).toString('latin1')).not.toMatch(/Secret/)
    }
  })

  test('has the colours of a wide profile in sRGB, without a profile', async () => {
    const { images, publish } = await openImages()
    // Written in Display P3 it is about 103, 197, 77.
    const green = await sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 60, g: 200, b: 60 } } })
      .withIccProfile('p3')
      .png()
      .toBuffer()
    const stored = await sharp(green).metadata()
    expect(stored.icc).toBeDefined()
    const cid = await publish(alice, green, 'image/png')
    const { bytes } = await images.variant(alice, cid, 'avatar', { format: 'webp' })
    expect((await sharp(bytes).metadata()).icc).toBeUndefined()
    const [red = 0, , blue = 0] = await sharp(bytes).raw().toBuffer()
    expect(Math.abs(red - 60)).toBeLessThan(12)
    expect(Math.abs(blue - 60)).toBeLessThan(12)
  })

  test('is white where a JPEG cannot be transparent, and transparent in WebP', async () => {
    const { images, publish } = await openImages()
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#00000000' } })
      .png()
      .toBuffer()
    const cid = await publish(alice, clear, 'image/png')
    const jpeg = await images.variant(alice, cid, 'avatar', { format: 'jpeg' })
    expect([...(await sharp(jpeg.bytes).raw().toBuffer())].slice(0, 3)).toEqual([255, 255, 255])
    const webp = await images.variant(alice, cid, 'avatar', { format: 'webp' })
    expect(await sharp(webp.bytes).metadata()).toMatchObject({ hasAlpha: true })
  })

  test('of an animation is its first frame', async () => {
    const { images, publish } = await openImages()
    const frames = await Promise.all(['red', 'blue'].map((colour) => picture(16, 16, colour).png().toBuffer()))
    const moving = sharp(frames, { join: { animated: true } })
    for (const [type, bytes] of [
      ['image/gif', await moving.clone().gif().toBuffer()],
      ['image/webp', await moving.clone().webp().toBuffer()],
    ] as const) {
      expect((await sharp(bytes).metadata()).pages).toBe(2)
      const still = await images.variant(alice, await publish(alice, bytes, type), 'avatar')
      const { pages = 1, width, height } = await sharp(still.bytes).metadata()
      expect({ pages, width, height }).toEqual({ pages: 1, width: 16, height: 16 })
      const [red = 0, , blue = 255] = await sharp(still.bytes).raw().toBuffer()
      expect([red > 200, blue < 50]).toEqual([true, true])
    }
  })
})

describe('invalid options', () => {
  test.each([
    [{ cacheSize: -1 }],
    [{ workers: 0 }],
    [{ timeout: 2 ** 31 }],
    [{ maxMemory: 1024 }],
    [{ presets: { small: { width: 0, height: 10 } } }],
    [{ presets: { small: { width: 10, height: 10_000 } } }],
    [{ presets: { small: { width: 10, height: 10, quality: 101 } } }],
    [{ presets: { 'a/b': { width: 10, height: 10 } } }],
    [{ typo: 1 }],
  ])('are refused: %j', async (options) => {
    const { blobs } = await openImages()
    expect(() => createImageVariants({ blobs, cache: new MemoryBackend(), ...options })).toThrow(
      expect.objectContaining({ code: 'InvalidArgument' }),
    )
  })
})
