import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { alice } from '../http/place.ts'
import { openImages, picture } from './place.ts'

describe('a variant', () => {
  test('is the image, smaller, in the format that is asked for', async () => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, await picture(3000, 2000).jpeg().toBuffer(), 'image/jpeg')
    for (const format of ['jpeg', 'webp', 'avif'] as const) {
      const { mimeType, bytes } = await images.variant(alice, cid, 'feed_thumbnail', { format })
      expect(mimeType).toBe(`image/${format}`)
      const { width, height, format: found } = await sharp(bytes).metadata()
      expect({ width, height, found }).toEqual({ width: 1000, height: 667, found: format === 'avif' ? 'heif' : format })
    }
  })
})
