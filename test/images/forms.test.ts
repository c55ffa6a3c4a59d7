import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { asPicture } from '../../src/images/pool/as-picture.ts'
import { alice } from '../http/place.ts'
import { checkered, forms } from './forms.ts'
import { openImages } from './place.ts'

// test/browser/dimensions.test.ts asks Chromium for the same.

describe('the dimensions and the variant agree', () => {
  test.each(forms.filter(({ type, refused }) => type === 'image' && !refused))('of $name', async ({ make }) => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, await make())
    const { bytes } = await images.variant(alice, cid, 'feed_thumbnail')
    const { width, height } = await sharp(bytes).metadata()
    expect(await images.dimensions(alice, cid)).toEqual({ width, height })
  })

  test.each(forms.filter(({ refused }) => refused))('or there is no variant: of $name', async ({ make }) => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, await make())
    await expect(images.variant(alice, cid, 'feed_thumbnail')).rejects.toMatchObject({ code: 'ImageRefused' })
    expect(await images.dimensions(alice, cid)).toEqual({ width: 60, height: 40 })
  })
})

test('a progressive JPEG is decoded wherever it is cut off behind its first pixels', async () => {
  const whole = await checkered({ progressive: true })
  const first = whole.indexOf(Buffer.from([0xff, 0xda])) + 40
  for (let length = first; length <= whole.length; length++) {
    const { info } = await sharp(asPicture(Buffer.from(whole.subarray(0, length))), { failOn: 'none' })
      .raw()
      .toBuffer({ resolveWithObject: true })
      .catch((cause: unknown) => {
        throw new Error(`cut off at ${length}`, { cause })
      })
    expect(info).toMatchObject({ width: 60, height: 40 })
  }
})

test('the variant of a JPEG that is cut off has what is there', async () => {
  const { images, publish } = await openImages()
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
  const whole = await sharp({ create: { width: 60, height: 40, channels: 3, background: 'red', noise } })
    .jpeg()
    .toBuffer()
  const top = { left: 0, top: 0, width: 60, height: 8 }
  const variant = async (bytes: Buffer) => {
    const made = await images.variant(alice, await publish(alice, bytes), 'feed_thumbnail', { format: 'webp' })
    return sharp(made.bytes).extract(top).raw().toBuffer()
  }
  const [cut, uncut] = [await variant(whole.subarray(0, whole.length - 600)), await variant(whole)]
  const difference = cut.reduce((sum, value, at) => sum + Math.abs(value - (uncut[at] as number)), 0) / cut.length
  expect(difference).toBeLessThan(5)
})
