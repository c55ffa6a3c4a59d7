import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser } from './browser.ts'
import { evening } from './evening.ts'
import { Place } from './place.ts'
import { post, tileOf, upload } from './steps.ts'

describe.skipIf(!hasBrowser())('the page looks right', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { quota: { bytes: 1024 * 1024, blobs: 100 } } })
    const page = await place.window('alice')
    await page.setInputFiles('#files', { name: 'evening.jpg', mimeType: 'image/jpeg', buffer: await evening() })
    await tileOf(page, 'evening.jpg').getByRole('checkbox').waitFor()
    await upload(page, 'testcard.png', 'mandelbrot.webp')
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
          await page.mouse.wheel(0, 3000) // so that what is further down is loaded too
          await page.waitForTimeout(800)
          await page.mouse.wheel(0, -3000)
          await place.screenshot(page, `${who ?? 'nobody'}-${screen}-${colorScheme}`)
          const widths = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
          expect(widths).toEqual([viewport.width, viewport.width])
          const ground = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
          const [brightness = Number.NaN] = (ground.match(/\d+/g) ?? []).map(Number)
          expect(brightness > 128, ground).toBe(colorScheme === 'light')
          if (who === null) continue
          await page.getByRole('button', { name: /JPEG/ }).first().click()
          await page.locator('.variants img').nth(3).waitFor()
          await page.waitForTimeout(200)
          await place.screenshot(page, `${who}-blob-${screen}-${colorScheme}`, false)
        }
      })
    }
  }
})
