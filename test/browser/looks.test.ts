import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium } from './chromium.ts'
import { Place } from './place.ts'
import { post, upload } from './steps.ts'

describe.skipIf(!hasChromium())('the page looks right', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { quota: { bytes: 1024 * 1024, blobs: 100 } } })
    const page = await place.window('alice')
    await upload(page, 'sunset.jpg', 'testcard.png', 'mandelbrot.webp')
    await post(page, 'Three pictures of the evening')
    await upload(page, 'clip.mp4')
    await post(page, 'A film')
    await upload(page, 'life.gif')
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } }
  for (const [screen, viewport] of Object.entries(screens)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`on a ${screen}, in ${colorScheme}`, async () => {
        for (const who of [null, 'alice', 'moderator']) {
          const page = await place.window(who, { viewport, colorScheme })
          await page.waitForTimeout(800)
          await place.screenshot(page, `${who ?? 'nobody'}-${screen}-${colorScheme}`)
          const widths = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
          expect(widths).toEqual([viewport.width, viewport.width])
          if (who === null) continue
          await page.locator('.tile .open').last().click()
          await page.waitForTimeout(300)
          await place.screenshot(page, `${who}-blob-${screen}-${colorScheme}`, false)
        }
      })
    }
  }
})
