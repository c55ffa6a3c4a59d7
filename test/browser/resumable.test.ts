import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cidOfBytes } from '../../src/index.ts'
import { hasBrowser } from './browser.ts'
import { Place } from './place.ts'
import { slowDown, tileOf, until } from './steps.ts'

const MiB = 1024 * 1024

/** A picture of this size, so far as its first bytes tell. */
function pictureOf(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 11) + seed) & 255
  bytes.set([0xff, 0xd8, 0xff, 0xe0])
  return bytes
}

describe.skipIf(!hasBrowser())('a large file', () => {
  let place: Place
  let page: Page
  let folder: string
  const requests: Request[] = []
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-files-'))
    place = await Place.open({ limits: { maxBlobSize: 24 * MiB } })
    page = await place.window('alice')
    page.on('request', (request) => void requests.push(request))
  })
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]()
    if (folder) rmSync(folder, { recursive: true })
  })
  afterEach(() => {
    requests.length = 0
  })

  /** From a real file, whose time of change stays the same: by that and its name the client knows it again. */
  const choose = (name: string, bytes: Buffer) => {
    const file = join(folder, name)
    if (!existsSync(file)) writeFileSync(file, bytes)
    return page.setInputFiles('#files', file)
  }
  const share = 'document.querySelector("progress")?.value'
  const methods = () =>
    requests.filter((one) => one.url().includes('/upload')).map((one) => [one.method(), one.headers()['upload-offset']])
  const stored = async (bytes: Buffer) => {
    const { did } = await place.pds.db.selectFrom('account').select('did').executeTakeFirstOrThrow()
    return await (await place.pds.blobs.read(did, cidOfBytes(bytes), { as: 'account' })).bytes()
  }
  const reserved = async () => {
    const { did } = await place.pds.db.selectFrom('account').select('did').executeTakeFirstOrThrow()
    return (await place.pds.blobs.usage(did)).reserved
  }

  test('is paused and continued, without sending again what has arrived', async () => {
    const picture = pictureOf(12 * MiB, 1)
    await slowDown(page, { uploadThroughput: 4 * MiB })
    await choose('paused.jpg', picture)
    await until(page, `${share} > 0.4`)
    await page.getByRole('button', { name: 'Pause paused.jpg' }).click()
    await page.getByText('paused', { exact: true }).waitFor()
    const before = Number(await page.evaluate(share))
    await page.waitForTimeout(500)
    expect(await page.evaluate(share)).toBe(before)
    await slowDown(page, {})
    await page.getByRole('button', { name: 'Continue paused.jpg' }).click()
    await tileOf(page, 'paused.jpg').getByRole('checkbox').waitFor()
    expect(Buffer.compare(await stored(picture), picture)).toBe(0)
    const [created, first, asked, second] = methods()
    expect([created, first, asked?.[0]]).toEqual([['POST', undefined], ['PATCH', '0'], 'HEAD'])
    expect(Number(second?.[1])).toBeGreaterThan(2 * MiB)
    expect(place.complaints()).toEqual([])
  })

  test('continues after the page was reloaded, when it is chosen again', async () => {
    const picture = pictureOf(12 * MiB, 2)
    await slowDown(page, { uploadThroughput: 4 * MiB })
    await choose('reloaded.jpg', picture)
    await until(page, `${share} > 0.4`)
    await page.reload()
    await page.locator('#own').waitFor()
    await slowDown(page, {})
    requests.length = 0
    await choose('reloaded.jpg', picture)
    await tileOf(page, 'reloaded.jpg').getByRole('checkbox').waitFor()
    expect(Buffer.compare(await stored(picture), picture)).toBe(0)
    const [asked, sent] = methods()
    expect(asked?.[0]).toBe('HEAD')
    expect(Number(sent?.[1])).toBeGreaterThan(2 * MiB)
    expect(await page.evaluate('Object.keys(localStorage).filter((key) => key.startsWith("tus::"))')).toEqual([])
  })

  test('that is cancelled leaves no space reserved', async () => {
    await slowDown(page, { uploadThroughput: 4 * MiB })
    await choose('cancelled.jpg', pictureOf(12 * MiB, 4))
    await until(page, `${share} > 0.3`)
    expect(await reserved()).toBe(12 * MiB)
    await page.getByRole('button', { name: 'Cancel cancelled.jpg' }).click()
    await page.getByText('cancelled.jpg is cancelled').waitFor()
    await expect.poll(reserved).toBe(0)
    expect(await page.locator('#uploads li').count()).toBe(0)
  })

  test('that is refused says why', async () => {
    await slowDown(page, {})
    await choose('huge.jpg', pictureOf(25 * MiB, 5))
    const line = page.locator('#uploads [role=alert]')
    await line.getByText('larger than 25165824 bytes').waitFor()
    place.complaints() // of the 413
  })
})
