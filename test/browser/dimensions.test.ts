import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findDimensions } from '../../src/images/dimensions/dimensions.ts'
import { forms } from '../images/forms.ts'
import { hasChromium, startChromium } from './chromium.ts'

// What a browser makes of the pictures and videos of which test/images/forms.test.ts makes variants.

describe.skipIf(!hasChromium())('the dimensions are those that Chromium shows', () => {
  let browser: Browser
  let page: Page
  let server: Server
  let served: Buffer = Buffer.alloc(0)

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/') return void response.setHeader('content-type', 'text/html').end('<!doctype html>')
      const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
      if (start === undefined) return void response.end(served)
      const last = end ? Number(end) : served.length - 1
      response.writeHead(206, { 'content-range': `bytes ${start}-${last}/${served.length}` })
      response.end(served.subarray(Number(start), last + 1))
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    browser = await startChromium()
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  })

  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  test.each(forms)('of $name', async ({ type, make, chromium }) => {
    served = await make()
    const bytes = served
    const found = await findDimensions({ size: bytes.length, read: async (start, end) => bytes.subarray(start, end) })
    const shown = await (type === 'image' ? picture(page) : film(page))
    const expected = { width: found?.width, height: found?.height }
    if (chromium === undefined) expect(shown).toEqual(expected)
    else expect(shown, `Chromium ${chromium}`).not.toEqual(expected)
  })
})

let asked = 0

function picture(page: Page): Promise<object> {
  return page.evaluate(`new Promise((resolve, reject) => {
    const image = new Image()
    image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight })
    image.onerror = () => reject(new Error('it is not shown'))
    image.src = '/picture/${asked++}'
  })`)
}

function film(page: Page): Promise<object> {
  return page.evaluate(`new Promise((resolve, reject) => {
    const video = document.createElement('video')
    video.onloadedmetadata = () => resolve({ width: video.videoWidth, height: video.videoHeight })
    video.onerror = () => reject(new Error(video.error.message))
    video.src = '/film/${asked++}'
  })`)
}
