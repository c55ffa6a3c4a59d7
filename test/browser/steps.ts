import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { media } from './place.ts'
import { WebKitPage } from './webkit/page.ts'

/** The tile of a blob, by its text. */
export const tileOf = (page: Page, name: string) => page.getByRole('listitem').filter({ hasText: name })

/** Uploads by choosing files, and waits until the page shows them. */
export async function upload(page: Page, ...names: string[]): Promise<void> {
  await page.setInputFiles('#files', names.map(media))
  for (const name of names) await tileOf(page, name).getByRole('checkbox').waitFor()
}

export async function post(page: Page, text: string): Promise<void> {
  await page.getByLabel('Text of the post').fill(text)
  await page.getByRole('button', { name: 'Post', exact: true }).click()
  await page.locator('#posts').getByText(text).waitFor()
}

/** Waits until an expression is true in the page, whose policy forbids playwright's own way of waiting. */
export async function until(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate(expression), { timeout: 15_000, message: expression }).toBe(true)
}

/** The frames in which a page shows a file of getBlob, or a viewer of the browser's own. */
export async function shownFrames(page: Page): Promise<string[]> {
  if (page instanceof WebKitPage) return await page.filledFrames()
  return page.frames().flatMap((frame) => (/getBlob|^chrome-extension:/.test(frame.url()) ? frame.url() : []))
}

/** Gives the page a slow line, in bytes a second. */
export async function slowDown(
  page: Page,
  speeds: { uploadThroughput?: number; downloadThroughput?: number },
): Promise<void> {
  const network = await page.context().newCDPSession(page)
  const fast = { offline: false, latency: 0, uploadThroughput: -1, downloadThroughput: -1 }
  await network.send('Network.enable')
  await network.send('Network.emulateNetworkConditions', { ...fast, ...speeds })
}
