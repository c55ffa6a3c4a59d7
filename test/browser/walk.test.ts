import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser } from './browser.ts'
import { Place } from './place.ts'
import { post, tileOf, upload } from './steps.ts'

describe.skipIf(!hasBrowser())('the page', () => {
  let place: Place
  let page: Page
  beforeAll(async () => {
    place = await Place.open()
    page = await place.window('alice')
  })
  afterAll(() => place?.[Symbol.asyncDispose]())
  afterEach(() => expect(place.complaints()).toEqual([]))

  const become = async (person: string) => {
    await page.getByRole('radio', { name: person }).check({ force: true })
    await page.locator(person === 'Moderator' ? '#all' : '#own').waitFor()
  }

  test('uploads a chosen file and a dropped one, and posts it', async () => {
    await upload(page, 'sunset.jpg')
    await page.evaluate(`(() => {
      const dataTransfer = new DataTransfer()
      const gif = new Uint8Array([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0, 0, 0, 0x3b])
      dataTransfer.items.add(new File([gif], 'dropped.gif', { type: 'image/gif' }))
      document.querySelector('#drop').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }))
    })()`)
    await tileOf(page, 'dropped.gif').getByRole('checkbox').waitFor()
    await tileOf(page, 'dropped.gif').getByRole('checkbox').uncheck()
    await post(page, 'The evening')
    await page.locator('#permanent').getByText('sunset.jpg').waitFor()
    expect(await page.locator('#usage-text').textContent()).toContain('2 blobs')
  })

  test('shows an error in the words of the store', async () => {
    await page.setInputFiles('#files', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') })
    const failed = page.locator('#uploads [role=alert]')
    await failed.waitFor()
    expect(await failed.textContent()).toContain('text/plain')
    await failed.getByRole('button', { name: 'Dismiss' }).click()
    expect(place.complaints()).toEqual(['400 /xrpc/com.atproto.repo.uploadBlob'])
  })

  test('shows the variants of a picture', async () => {
    await page.getByRole('button', { name: /sunset.jpg/ }).click()
    const variants = page.locator('.variants figure')
    await variants
      .filter({ hasText: /\d+ × \d+, [\d.]+ (bytes|KiB)/ })
      .nth(3)
      .waitFor()
    const shown = (await variants.allTextContents()).map(
      (text) => /^(?<name>.*?)\s*(?<size>\d+ × \d+)/.exec(text)?.groups,
    )
    expect(shown.map((one) => [one?.name, one?.size])).toEqual([
      ['Full size', '320 × 200'],
      ['Feed', '320 × 200'],
      ['Banner', '320 × 107'],
      ['Avatar', '200 × 200'],
    ])
    expect(await page.locator('#permanent img').first().getAttribute('src')).toMatch(
      /^\/img\/feed_thumbnail\/plain\/did:/,
    )
    await page.getByRole('button', { name: 'Close' }).click()
  })

  test('takes down, restores, deletes and collects', async () => {
    await upload(page, 'clip.mp4')
    await post(page, 'A film')
    await become('Moderator')
    const picture = page.getByRole('button', { name: /sunset.jpg/ })
    await picture.click()
    await page.getByRole('button', { name: 'Take down' }).click()
    await page.getByRole('button', { name: /sunset.jpg.*Taken down/ }).click()
    await page.getByRole('button', { name: 'Restore' }).click()
    await page.getByRole('button', { name: /sunset.jpg.*Posted/ }).waitFor()
    await become('Alice')
    await page.getByRole('button', { name: 'Delete the post “The evening”' }).click()
    await tileOf(page, 'sunset.jpg').getByRole('checkbox').waitFor()
    await become('Moderator')
    await page.getByRole('button', { name: 'Collect now' }).click()
    await page.locator('#went').getByText('2 blobs went').waitFor()
  })
})
