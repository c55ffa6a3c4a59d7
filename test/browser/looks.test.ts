import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium } from './chromium.ts'
import { Place } from './place.ts'
import { post, tileOf, upload } from './steps.ts'

describe.skipIf(!hasChromium())('the page looks right', () => {
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

/** A large picture, of which there are variants of several sizes. */
function evening(): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="2400" height="1600">
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#26244f"/><stop offset=".45" stop-color="#d1496b"/>
      <stop offset=".7" stop-color="#ffb45c"/></linearGradient>
    <rect width="2400" height="1600" fill="url(#sky)"/><circle cx="1500" cy="1010" r="190" fill="#fff1c9"/>
    <path d="M0 1180 L420 860 L760 1120 L1130 790 L1620 1190 L2010 930 L2400 1160 V1600 H0Z" fill="#4b2a55"/>
    <path d="M0 1380 Q600 1180 1200 1350 T2400 1290 V1600 H0Z" fill="#241a36"/></svg>`
  return sharp(Buffer.from(svg)).jpeg({ quality: 85 }).toBuffer()
}
