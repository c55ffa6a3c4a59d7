import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserName, hasBrowser } from './browser.ts'
import { Place } from './place.ts'
import { post, upload } from './steps.ts'

const isChromium = browserName === 'chromium'
const people = [null, 'alice', 'moderator'] as const

describe.skipIf(!hasBrowser())('the page can be used', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { quota: { bytes: 1024 * 1024, blobs: 100 } } })
    const page = await place.window('alice')
    await upload(page, 'sunset.jpg')
    await post(page, 'Words_without_a_place_where_a_line_may_end_so_that_the_column_would_have_to_grow')
    await upload(page, 'clip.mp4')
    await post(page, 'A film')
    await upload(page, 'testcard.png', 'life.gif')
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  const openBlob = async (page: Page) => {
    await page.getByRole('button', { name: /JPEG/ }).click()
    await page.locator('.variants img').nth(3).waitFor()
  }

  // Only Chromium is told by playwright which scheme the user prefers.
  describe.each(isChromium ? (['light', 'dark'] as const) : (['light'] as const))(
    'with axe-core, in %s',
    (colorScheme) => {
      test.concurrent.each(people)('without a violation: %s', async (who) => {
        const page = await place.window(who, { colorScheme })
        await page.evaluate(`(() => { ${axe.source} })()`)
        const check = `axe.run().then(({ violations, passes }) => ({
        passes: passes.length,
        violations: violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')),
      }))`
        const found = (await page.evaluate(check)) as { passes: number; violations: string[] }
        expect(found.violations).toEqual([])
        expect(found.passes).toBeGreaterThan(10)
        if (who === null) return
        await openBlob(page)
        expect(((await page.evaluate(check)) as typeof found).violations).toEqual([])
      })
    },
  )

  describe('on 320 pixels', () => {
    test.concurrent.each(people)('without scrolling sideways: %s', async (who) => {
      const page = await place.window(who, { viewport: { width: 320, height: 640 } })
      const wider = (css: string) =>
        page.evaluate(`[innerWidth, document.querySelector('${css}').scrollWidth > innerWidth]`)
      expect(await wider('html')).toEqual([320, false])
      if (who === null) return
      await openBlob(page)
      expect(await wider('dialog')).toEqual([320, false])
    })
  })

  test('with targets of 24 pixels or more', async () => {
    for (const who of people) {
      const page = await place.window(who)
      if (who !== null) await openBlob(page)
      const small = await page.evaluate(`[...document.querySelectorAll('a, button, input, video[controls]')]
        .map((one) => ({ one, box: (one.closest('label') ?? one).getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && Math.min(box.width, box.height) < 24)
        .map(({ one, box }) => one.outerHTML.slice(0, 80) + ': ' + box.width + ' × ' + box.height)`)
      expect(small).toEqual([])
    }
  })

  test.skipIf(!isChromium)(
    'with forced colours: who is chosen, how full the storage is, and notices are seen',
    async () => {
      const page = await place.window('alice', { forcedColors: 'active' })
      const looks = (await page.evaluate(`(() => {
      const of = (css, pseudo) => getComputedStyle(document.querySelector(css), pseudo)
      return {
        forced: matchMedia('(forced-colors: active)').matches,
        chosen: of('#people input:checked + span').backgroundColor,
        page: of('body').backgroundColor,
        meter: of('#usage').borderTopWidth,
        notice: of('#notice').borderTopWidth,
        play: of('.open:has(video)', '::after').borderTopColor,
      }
    })()`)) as Record<string, string>
      expect(looks.forced).toBe(true)
      expect(looks.chosen).not.toBe(looks.page)
      expect([looks.notice, looks.meter]).toEqual(['1px', '1px'])
      expect(looks.play, 'a triangle has transparent sides').toBe('rgba(0, 0, 0, 0)')
      await place.screenshot(page, 'alice-forced-colors')
    },
  )
})
