import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser } from './browser.ts'
import { Place } from './place.ts'
import { slowDown, tileOf, until } from './steps.ts'

const size = 2 * 1024 * 1024
const photograph = Buffer.alloc(size)
photograph.set([0xff, 0xd8, 0xff, 0xe0])

describe.skipIf(!hasBrowser())('on a slow line', () => {
  let place: Place
  let page: Page
  beforeAll(async () => {
    place = await Place.open()
    page = await place.window('alice')
    await slowDown(page, { uploadThroughput: size / 4 })
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  const choose = (name: string) => page.setInputFiles('#files', { name, mimeType: 'image/jpeg', buffer: photograph })
  const uploaded = async () => Number(await page.evaluate('document.querySelector("progress").value'))

  test('a user sees how far an upload is, and how long it will take', async () => {
    await choose('slow.jpg')
    const line = page.locator('#uploads li')
    await line.getByText(/^[\d.]+ (KiB|MiB) of 2.0 MiB, \d+ s left$/).waitFor()
    const seen = [await uploaded()]
    for (let i = 0; i < 3; i++) {
      await until(page, `document.querySelector('progress')?.value > ${seen.at(-1)}`)
      seen.push(await uploaded())
    }
    expect(seen[0]).toBeGreaterThan(0)
    expect(seen[1]).toBeLessThan(1)
    await tileOf(page, 'slow.jpg').getByRole('checkbox').waitFor()
    expect(await line.count()).toBe(0)
  })

  test('a cancelled upload leaves nothing, neither on the page nor in the store', async () => {
    const before = await place.pds.blobs.stats()
    await choose('other.jpg')
    await until(page, `document.querySelector('progress')?.value > 0.2`)
    expect(await uploaded()).toBeLessThan(1)
    await page.getByRole('button', { name: 'Cancel other.jpg' }).click()
    await page.getByText('other.jpg is cancelled').waitFor()
    expect(await page.locator('#uploads li').count()).toBe(0)
    expect(await page.evaluate('document.activeElement.id')).toBe('choose')

    const did = (await place.pds.db.selectFrom('account').select('did').executeTakeFirstOrThrow()).did
    await expect.poll(() => place.pds.blobs.usage(did)).toMatchObject({ count: 1, bytes: size, reserved: 0 })
    expect(await place.pds.blobs.stats()).toEqual(before)
    expect(place.complaints()).toEqual([])
  })
})
