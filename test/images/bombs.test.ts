import { monitorEventLoopDelay } from 'node:perf_hooks'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { isBlobStoreError } from '../../src/index.ts'
import { alice } from '../http/place.ts'
import * as bombs from './bombs.ts'
import { openImages, picture } from './place.ts'

const MiB = 1024 * 1024

/** The result of a variant request, and its effect on the server meanwhile. */
async function ask(bytes: Uint8Array, options: Parameters<typeof openImages>[0] = {}) {
  const { images, publish } = await openImages({ timeout: 1000, maxMemory: 400 * MiB, ...options })
  // The process is running, as on a server that has run for a while.
  const warm = await publish(alice, await picture(8, 8).png().toBuffer(), 'image/png')
  await images.variant(alice, warm, 'avatar').catch(() => {})
  const cid = await publish(alice, bytes, 'image/png')
  const delay = monitorEventLoopDelay({ resolution: 5 })
  const memory = process.memoryUsage.rss()
  delay.enable()
  const start = performance.now()
  const outcome = await images.variant(alice, cid, 'feed_thumbnail', { format: 'webp' }).catch((error) => error)
  const time = performance.now() - start
  delay.disable()
  const grown = process.memoryUsage.rss() - memory
  return { outcome, reason: reasonOf(outcome), time, stalled: delay.max / 1e6, grown, images, warm }
}

function reasonOf(outcome: unknown): string {
  if (isBlobStoreError(outcome, 'ImageRefused'))
    return outcome.message.replace('The blob cannot be turned into an image: ', '')
  if (outcome instanceof Error) throw outcome
  return 'made'
}

describe('a bomb is refused in under 2 s, without effect on the server:', () => {
  test.each([
    ['a PNG of 50,000 × 50,000 pixels', bombs.decompressionBomb, /^it has 50000 × 50000 pixels, more than the limit/],
    ['a JPEG that says 65,535 × 65,535', bombs.pixelFlood, /^it has 65535 × 65535 pixels/],
    ['a GIF whose screen is 65,535 × 65,535', bombs.gifOfScreen, /^it has 65535 × 65535 pixels/],
    ['an animated WebP of 16,384 × 16,384', bombs.webpOfCanvas, /^it has 16384 × 16384 pixels/],
    ['an AVIF of 64 megapixels', bombs.slowAvif, /^it has 8000 × 8000 pixels/],
    ['SVG', () => Buffer.from(bombs.svg), /^it is not a JPEG, PNG, GIF, WebP or AVIF that browsers show$/],
    ['SVG behind the header of a PNG', bombs.svgAsPng, /^it is not a JPEG/],
  ] as const)('%s', async (_what, make, expected) => {
    const { reason, time, stalled, grown } = await ask(await make())
    expect(reason).toMatch(expected)
    expect(time).toBeLessThan(2000)
    expect(stalled).toBeLessThan(1000)
    expect(grown).toBeLessThan(64 * MiB)
  })

  test.each([
    ['a PNG of 2.5 gigapixels', bombs.decompressionBomb, { maxPixels: 3_000_000_000 }, /^it took longer than 1000 ms$/],
    ['an AVIF that takes a gigabyte', bombs.slowAvif, { timeout: 10_000 }, /^it needs more memory than maxMemory$/],
    [
      'an AVIF that takes seconds',
      bombs.slowAvif,
      { timeout: 100, maxMemory: 8192 * MiB },
      /^it took longer than 100 ms$/,
    ],
    ['a PNG of 400 MB that must be had as a whole', bombs.deepBomb, { maxMemory: 200 * MiB }, /memory|longer/],
  ] as const)('that no header reveals: %s', async (_what, make, options, expected) => {
    const { reason, time, stalled, grown, images, warm } = await ask(make(), { maxPixels: 100_000_000, ...options })
    expect(reason).toMatch(expected)
    expect(time).toBeLessThan(1000 + ('timeout' in options ? options.timeout : 1000))
    expect(stalled).toBeLessThan(1000)
    expect(grown).toBeLessThan(64 * MiB)
    // The next process generates what the one before would have.
    if (!('timeout' in options && options.timeout < 1000))
      await expect(images.variant(alice, warm, 'banner')).resolves.toBeDefined()
  })

  test.each([
    ['a JPEG of 49 megapixels without any', bombs.hollowJpeg],
    ['a GIF of 100,000 frames', () => bombs.gifOfFrames(100_000)],
    ['a PNG with a text of 1 GB', () => bombs.textBomb(1024 * MiB)],
    ['a PNG with a colour profile of 1 GB', () => bombs.profileBomb(1024 * MiB)],
  ] as const)('or only its harmless part is decoded: %s', async (_what, make) => {
    const { outcome, time, stalled, grown, reason } = await ask(await make())
    if (reason === 'made') expect(outcome.bytes.byteLength).toBeLessThan(10_000)
    expect(time).toBeLessThan(2000)
    expect(stalled).toBeLessThan(1000)
    expect(grown).toBeLessThan(64 * MiB)
  })
})

describe('of a truncated file', () => {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const image = sharp({ create: { width: 200, height: 200, channels: 3, background: 'red', noise } })

  test.each(['jpeg', 'png', 'gif'] as const)('a variant shows what is there: %s', async (format) => {
    const whole = await image.toFormat(format).toBuffer()
    const { images, publish } = await openImages()
    const top = async (bytes: Uint8Array) =>
      (await sharp(bytes).removeAlpha().extract({ left: 0, top: 0, width: 200, height: 60 }).greyscale().stats())
        .channels[0]
    for (const part of [0.5, 0.9]) {
      const cid = await publish(alice, whole.subarray(0, whole.byteLength * part), `image/${format}`)
      const { bytes } = await images.variant(alice, cid, 'avatar', { format: 'webp' })
      expect(await sharp(bytes).metadata()).toMatchObject({ width: 200, height: 200 })
      expect((await top(bytes))?.stdev).toBeGreaterThan((((await top(whole))?.stdev ?? 0) * 2) / 3)
    }
  })

  test.each(['webp', 'avif'] as const)('there is no variant if the decoder shows no part: %s', async (format) => {
    const whole = await image.toFormat(format).toBuffer()
    const { images, publish } = await openImages()
    for (const part of [0.1, 0.5, 0.9]) {
      const cid = await publish(alice, whole.subarray(0, whole.byteLength * part), `image/${format}`)
      await expect(images.variant(alice, cid, 'avatar')).rejects.toMatchObject({ code: 'ImageRefused' })
    }
  })
})

describe('other content in an image file', () => {
  test('is not in its variants', async () => {
    const { images, publish } = await openImages()
    const payload = Buffer.from('<script>alert(1)</script>PK/*payload*/')
    const gif = await picture(16, 16).gif().toBuffer()
    const comment = Buffer.concat([Buffer.from([0x21, 0xfe, payload.byteLength]), payload, Buffer.from([0])])
    const png = await picture(16, 16).png().toBuffer()
    for (const bytes of [
      Buffer.concat([gif.subarray(0, gif.indexOf(0x2c, 13)), comment, gif.subarray(gif.indexOf(0x2c, 13))]),
      Buffer.concat([await picture(16, 16).jpeg().toBuffer(), payload]),
      Buffer.concat([png, payload]),
      Buffer.concat([await picture(16, 16).webp().toBuffer(), payload]),
    ]) {
      const cid = await publish(alice, bytes, 'image/png')
      for (const format of ['jpeg', 'webp', 'avif'] as const) {
        const variant = await images.variant(alice, cid, 'avatar', { format })
        expect(Buffer.from(variant.bytes).toString('latin1')).not.toMatch(/script|payload/)
      }
    }
  })

  test('at the beginning makes it no image', async () => {
    const { images, publish } = await openImages()
    const jpeg = await picture(16, 16).jpeg().toBuffer()
    for (const head of ['%PDF-1.7\n', '<html>', '\n', 'II*\0']) {
      const cid = await publish(alice, Buffer.concat([Buffer.from(head), jpeg]), 'image/jpeg')
      await expect(images.variant(alice, cid, 'avatar')).rejects.toMatchObject({ code: 'ImageRefused' })
    }
  })

  test('is not decoded: TIFF, PDF and SVG have no decoder', async () => {
    const { images, publish } = await openImages()
    const tiff = await picture(16, 16).tiff().toBuffer()
    const cid = await publish(alice, tiff, 'image/tiff')
    await expect(images.variant(alice, cid, 'avatar')).rejects.toMatchObject({ code: 'ImageRefused' })
  })
})
