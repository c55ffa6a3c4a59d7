import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { pictures } from '../../scripts/pictures/pictures.ts'
import { hasBrowser } from './browser.ts'

const project = resolve(import.meta.dirname, '../..')

describe.skipIf(!hasBrowser())('the screenshots of the manual', () => {
  test.each(Object.keys(pictures))(
    'show what is there now, otherwise run `npm run docs:pictures`: %s',
    async (file) => {
      const [now, then] = await Promise.all([await pictures[file]?.(), readFileSync(join(project, file))].map(blurred))
      expect(then?.shape).toBeCloseTo(now?.shape ?? 0, 1)
      expect(difference(now?.pixels ?? [], then?.pixels ?? [])).toBeLessThan(3)
    },
  )
})

/** So coarse that fonts and times of day make no difference. */
async function blurred(png: Buffer = Buffer.alloc(0)): Promise<{ pixels: Uint8Array; shape: number }> {
  const { width, height } = await sharp(png).metadata()
  const pixels = await sharp(png).removeAlpha().greyscale().resize(96, 96, { fit: 'fill' }).raw().toBuffer()
  return { pixels, shape: width / height }
}

/** The mean of all pixels, of 255. */
function difference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0
  for (let at = 0; at < one.length; at++) sum += Math.abs((one[at] ?? 0) - (other[at] ?? 0))
  return sum / one.length
}
