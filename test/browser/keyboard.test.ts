import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser } from './browser.ts'
import { media, Place } from './place.ts'
import { tileOf } from './steps.ts'

describe.skipIf(!hasBrowser())('without a mouse', () => {
  let place: Place
  let page: Page
  beforeAll(async () => {
    place = await Place.open()
    page = await place.window()
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  const press = (key: string) => page.keyboard.press(key)
  const focused = () =>
    page.evaluate(`(({ ariaLabel, textContent, value, id }) => ariaLabel || textContent.trim() || value || id)(
      document.activeElement,
    )`) as Promise<string>

  /** Presses Tab until the focused element has that name, and checks that it shows its focus. */
  async function tabTo(name: RegExp): Promise<void> {
    const passed: string[] = []
    for (let i = 0; i < 30; i++) {
      await press('Tab')
      const now = await focused()
      passed.push(now)
      if (!name.test(now)) continue
      const outline = `getComputedStyle(document.activeElement.matches('[type=radio]')
        ? document.activeElement.nextSibling : document.activeElement).outlineStyle`
      expect(await page.evaluate(outline), `${name} shows no focus`).toBe('solid')
      return
    }
    expect.fail(`${name} is not reached by Tab, but ${passed.join(', ')}`)
  }

  test('a user logs in, uploads, posts, looks at it and deletes it', async () => {
    await tabTo(/^Alice$/)
    await press('Space')
    await page.locator('#own').waitFor()

    // Registered early: playwright takes a moment to intercept the system's dialog.
    page.on('filechooser', (chooser) => chooser.setFiles(media('sunset.jpg')))
    await tabTo(/^Choose files/)
    await press('Enter')
    await tileOf(page, 'sunset.jpg').getByRole('checkbox').waitFor()

    await tabTo(/^Post sunset.jpg$/)
    await press('Space')
    expect(await page.getByRole('checkbox', { name: 'Post sunset.jpg' }).isChecked()).toBe(false)
    await press('Space')
    await tabTo(/^Text of the post$/)
    await page.keyboard.type('By hand')
    await press('Enter')
    await page.locator('#posts').getByText('By hand').waitFor()
    await page.locator('#permanent').getByText('sunset.jpg').waitFor()

    await tabTo(/^sunset.jpg, .*, Posted$/)
    await press('Enter')
    const dialog = page.getByRole('dialog', { name: 'sunset.jpg' })
    await dialog.waitFor()
    await dialog
      .getByText(/^\d+ × \d+, /)
      .nth(3)
      .waitFor()
    expect(await focused()).toBe('Close')
    await press('Tab')
    expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true)
    await press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    expect(await focused()).toMatch(/^sunset.jpg/)

    await tabTo(/^Delete the post “By hand”$/)
    await press('Enter')
    await page.getByText('None yet.').waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('records-title')
    await page.locator('#temporary').getByText('sunset.jpg').waitFor()
    expect(place.complaints()).toEqual([])
  })
})
