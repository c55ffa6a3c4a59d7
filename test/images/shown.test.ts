import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { findDimensions } from '../../src/images/dimensions/dimensions.ts'
import { alice } from '../http/place.ts'
import { openImages } from './place.ts'
import { wildFiles } from './wild/all.ts'

const files = await wildFiles()
const images = files.filter(({ mimeType }) => mimeType.startsWith('image/'))

const find = async (bytes: Uint8Array) => {
  const found = await findDimensions({ size: bytes.byteLength, read: async (start, end) => bytes.slice(start, end) })
  return found && { width: found.width, height: found.height }
}

describe('files from the wild', () => {
  test.each(files)('$name has the dimensions that it is shown with', async ({ bytes, shown }) => {
    expect(await find(bytes)).toEqual(shown)
  })

  test.each(images)('$name is the same to sharp, or a known difference', async ({ bytes, sharp: said }) => {
    const metadata = await sharp(bytes, { failOn: 'none' })
      .metadata()
      .catch(() => null)
    expect(metadata?.autoOrient ?? null).toEqual(said)
  })

  test('have variants of the dimensions that are returned', { timeout: 120_000 }, async () => {
    const { images: variants, publish } = await openImages()
    for (const { name, mimeType, bytes, shown, refused } of images) {
      const cid = await publish(alice, bytes, mimeType)
      const made = await variants.variant(alice, cid, 'feed_fullsize').catch((error) => error)
      if (refused) {
        expect(made, name).toMatchObject({ code: 'ImageRefused' })
        continue
      }
      expect(made, name).not.toBeInstanceOf(Error)
      expect(await variants.dimensions(alice, cid), name).toEqual(shown)
      const { width, height } = await sharp(made.bytes).metadata()
      expect({ width, height }, name).toEqual(shown)
    }
  })

  test('have dimensions or none, whatever byte is broken, after a bounded number of reads', async () => {
    for (const { bytes, name } of files) {
      for (let at = 0; at < Math.min(bytes.byteLength, 400); at += 1) {
        const broken = Buffer.from(bytes)
        broken[at] = [0, 0xff, 0x7f, (broken[at] ?? 0) ^ 1][at % 4] as number
        let reads = 0
        const read = async (start: number, end: number) => {
          reads += 1
          expect(start >= 0 && start < end && end <= broken.byteLength, name).toBe(true)
          return broken.subarray(start, end)
        }
        await findDimensions({ size: broken.byteLength, read })
        expect(reads, name).toBeLessThanOrEqual(64)
      }
    }
  })
})
