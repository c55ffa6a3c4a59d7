import type { Page } from 'playwright-core'
import { media } from './place.ts'

/** The tile of a blob, by what is read of it. */
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
