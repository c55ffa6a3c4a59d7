import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser } from './browser.ts'
import { Place } from './place.ts'
import { until, upload } from './steps.ts'

// A space beside public posts: what is in it is seen by whom it is for, in a real browser.

describe.skipIf(!hasBrowser())('a space of friends', () => {
  let place: Place
  let alice: Page
  beforeAll(async () => {
    place = await Place.open()
    alice = await place.window('alice')
  })
  afterAll(() => place?.[Symbol.asyncDispose]())
  afterEach(() => expect(place.complaints()).toEqual([]))

  /** Whether a picture that the page shows has been decoded. */
  const shown = (page: Page, where: string) => until(page, `document.querySelector('${where} img')?.naturalWidth > 0`)
  const sharedWith = async (person: string) => {
    const page = await place.window(person)
    await page.locator('#shared').waitFor()
    return page
  }
  test('what is not posted yet is still seen by its owner after a reload', async () => {
    await upload(alice, 'sunset.jpg')
    await alice.reload()
    await alice.locator('#temporary').getByRole('checkbox').waitFor()
    await shown(alice, '#temporary')
    expect(await alice.locator('#temporary img').getAttribute('src')).toMatch(/^blob:/)
    await alice.getByRole('button', { name: /JPEG image.*Not posted/ }).click()
    await shown(alice, '.stage')
    await alice.getByRole('button', { name: 'Close' }).click()
  })

  test('what Alice posts to friends is seen by Bob, who is one', async () => {
    await alice.getByRole('checkbox', { name: 'Bob', exact: true }).check()
    await alice.getByText('Your friends: Bob').waitFor()
    await alice.getByRole('radio', { name: 'Friends' }).check({ force: true })
    await alice.getByLabel('Text of the post').fill('Only for friends')
    await alice.getByRole('button', { name: 'Post', exact: true }).click()
    await alice.locator('#permanent').getByText('For friends').waitFor()
    await shown(alice, '#permanent')
    expect(await alice.locator('#posts li').filter({ hasText: 'Only for friends' }).textContent()).toContain('Friends')

    const bob = await sharedWith('bob')
    await bob.locator('#shared').getByText('Only for friends').waitFor()
    await shown(bob, '#shared')
    expect(await bob.locator('#shared img').getAttribute('alt')).toBe('By alice.test')
  })

  test('and by neither Carol nor the public, by whatever address', async () => {
    const carol = await sharedWith('carol')
    await carol.getByText('Nothing yet.').last().waitFor()
    expect(await carol.locator('#shared-posts li').count()).toBe(0)
    const { did, space, value } = await place.pds.db.selectFrom('space_record').selectAll().executeTakeFirstOrThrow()
    const cid: string = JSON.parse(value).embed.images[0].image.ref.$link
    const inSpace = new URLSearchParams({ space, repo: did, cid })
    for (const [path, status] of [
      [`/xrpc/com.atproto.sync.getBlob?${new URLSearchParams({ did, cid })}`, 404],
      [`/img/feed_thumbnail/plain/${did}/${cid}`, 404],
      [`/xrpc/com.atproto.space.getBlob?${inSpace}`, 401],
      [`/img/feed_thumbnail/plain/${did}/${cid}?${new URLSearchParams({ space })}`, 401],
      [`/xrpc/com.example.blobs.records?${new URLSearchParams({ did, cid })}`, 401],
    ] as const) {
      expect((await fetch(place.pds.url + path)).status, path).toBe(status)
    }
  })

  test('who is a friend no longer sees it no longer', async () => {
    await alice.getByRole('checkbox', { name: 'Bob', exact: true }).uncheck()
    await alice.getByText('Your friends: nobody').waitFor()
    const bob = await sharedWith('bob')
    await bob.locator('#nothing-shared').waitFor()
    await alice.getByRole('checkbox', { name: 'Bob', exact: true }).check()
    await alice.getByText('Your friends: Bob').waitFor()
    const again = await sharedWith('bob')
    await again.locator('#shared').getByText('Only for friends').waitFor()
    await shown(again, '#shared') // else it would ask when the space is gone
  })

  test('deleting the space leaves its pictures with Alice, not posted, and its boxes empty', async () => {
    await alice.getByRole('button', { name: 'Delete this space' }).click()
    await alice.locator('#temporary').getByRole('checkbox').waitFor()
    await shown(alice, '#temporary')
    expect(await alice.evaluate('document.activeElement.id')).toBe('friends-title')
    expect(await alice.getByRole('checkbox', { name: 'Bob', exact: true }).isChecked()).toBe(false)
    expect(await alice.locator('#posts li').count()).toBe(0)
    await (await sharedWith('bob')).locator('#nothing-shared').waitFor()
  })

  test('the new controls have names, are reached by the keyboard, and are large enough to hit', async () => {
    const controls = '#friends input, #friends button:not([hidden]), #post .segments input'
    const found = (await alice.evaluate(`[...document.querySelectorAll('${controls}')].map((one) => {
      const target = (one.closest('label') ?? one).getBoundingClientRect()
      one.focus()
      return { name: one.labels?.[0]?.textContent.trim() || one.textContent, height: target.height, width: target.width,
        focused: document.activeElement === one }
    })`)) as { name: string; height: number; width: number; focused: boolean }[]
    expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(['Bob', 'Carol', 'Everybody', 'Friends']))
    for (const { name, height, width, focused } of found) {
      expect(Math.min(height, width), name).toBeGreaterThanOrEqual(24)
      expect(focused, name).toBe(true)
    }
    expect(await alice.getByRole('group', { name: 'Who sees the post' }).count()).toBe(1)
    expect(await alice.getByRole('group', { name: 'Who sees what you post to friends' }).count()).toBe(1)
  })
})
