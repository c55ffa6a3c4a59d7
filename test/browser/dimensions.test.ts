import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wildFiles } from '../images/wild/all.ts'
import { hasBrowser, startBrowser } from './browser.ts'

// The files of test/images/shown.test.ts, which compares the returned dimensions with the same table.
const files = await wildFiles()

describe.skipIf(!hasBrowser())('in a browser', () => {
  let server: Server
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    server = createServer((request, response) => {
      const file = files[Number(request.url?.slice(1) || Number.NaN)]
      response.writeHead(200, { 'content-type': file?.mimeType ?? 'text/html' }).end(file?.bytes)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    browser = await startBrowser()
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  })
  afterAll(async () => {
    await browser?.close()
    server?.closeAllConnections()
    server?.close()
  })

  test.each(files.map((file, index) => ({ ...file, index })))(
    '$name has the dimensions that are returned, or is a known difference',
    async ({ index, mimeType, chromium }) => {
      const tag = mimeType.startsWith('video/') ? 'video' : 'img'
      const shown = await page.evaluate(`new Promise((done) => {
      const element = document.createElement('${tag}')
      element.preload = 'auto'
      element.onload = () => done({ width: element.naturalWidth, height: element.naturalHeight })
      element.onloadeddata = () => done({ width: element.videoWidth, height: element.videoHeight })
      element.onerror = () => done(null)
      element.src = '/${index}'
    })`)
      expect(shown).toEqual(chromium)
    },
  )
})
