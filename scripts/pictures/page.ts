import { evening } from '../../test/browser/evening.ts'
import { media, Place } from '../../test/browser/place.ts'

/** The page of the example, full of pictures, as Alice sees it: a PNG, 1280 pixels wide. */
export async function pictureOfPage(): Promise<Buffer> {
  await using place = await Place.open({ limits: { quota: { bytes: 1024 * 1024, blobs: 100 } } })
  const page = await place.window('alice')
  const posted = page.locator('#posts')
  const drafts = page.getByRole('listitem').getByRole('checkbox')

  async function post(text: string, files: number): Promise<void> {
    await drafts.nth(files - 1).waitFor()
    await page.getByLabel('Text of the post').fill(text)
    await page.getByRole('button', { name: 'Post', exact: true }).click()
    await posted.getByText(text).waitFor()
  }

  // One after the other, so that they always have the same order.
  await page.setInputFiles('#files', { name: 'evening.jpg', mimeType: 'image/jpeg', buffer: await evening() })
  await drafts.nth(0).waitFor()
  for (const [n, name] of ['testcard.png', 'mandelbrot.webp'].entries()) {
    await page.setInputFiles('#files', media(name))
    await drafts.nth(n + 1).waitFor()
  }
  await post('Three pictures of the evening', 3)
  await page.setInputFiles('#files', media('clip.mp4'))
  await post('A film', 1)
  await page.setInputFiles('#files', media('life.gif'))
  await drafts.nth(0).waitFor()

  // A new window, without the messages about what was just done. It scrolls, so that what is further down is loaded too.
  const fresh = await place.window('alice')
  await fresh.mouse.wheel(0, 3000)
  await fresh.waitForTimeout(1000)
  await fresh.mouse.wheel(0, -3000)
  return await fresh.screenshot({ fullPage: true })
}
