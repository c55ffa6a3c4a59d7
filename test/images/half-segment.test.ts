import sharp from 'sharp'
import { expect, test } from 'vitest'
import { withoutHalfSegment } from '../../src/images/pool/worker.ts'

test('a progressive JPEG is decoded wherever it is truncated after its first pixels', async () => {
  const pixels = Buffer.from(Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * i * 7 + (i >> 5) * 31) & 255))
  const raw = { width: 60, height: 40, channels: 3 } as const
  const whole = await sharp(pixels, { raw }).jpeg({ progressive: true }).toBuffer()
  const first = whole.indexOf(Buffer.from([0xff, 0xda])) + 40
  for (let length = first; length <= whole.length; length++) {
    const picture = withoutHalfSegment(whole.subarray(0, length))
    const { info } = await sharp(picture, { failOn: 'none' })
      .raw()
      .toBuffer({ resolveWithObject: true })
      .catch((cause: unknown) => {
        throw new Error(`cut off at ${length}`, { cause })
      })
    expect(info).toMatchObject({ width: 60, height: 40 })
  }
})
