import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium } from './chromium.ts'
import { Place } from './place.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const script = `fetch('/ran?' + self.constructor.name)`
const hostile = {
  'text/html': `<!doctype html><script>${script}</script>`,
  'image/svg+xml': `<svg xmlns="http://www.w3.org/2000/svg" onload="${script}"><script>${script}</script></svg>`,
  'application/xml': `<x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>${script}</h:script></x>`,
  'application/pdf': `%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R /OpenAction 4 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 100 100]>> endobj
4 0 obj <</S /JavaScript /JS (app.alert\\("ran"\\))>> endobj
trailer <</Root 1 0 R>>`,
  'text/javascript': script,
  'text/css': `@import '/ran?style'; body { background: url(/ran?style) }`,
}

describe.skipIf(!hasChromium())('an uploaded file', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { accept: ['*/*'], mimePolicy: 'declared' } })
    await place.pds.db.insertInto('account').values({ did, handle: 'mallory.test', password: '' }).execute()
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  /** Uploads and posts it; resolves with its address. */
  async function publish(mimeType: string, text: string): Promise<string> {
    const { blobs, url } = place.pds
    const ref = await blobs.upload(did, Buffer.from(text), { mimeType })
    const uri = `at://${did}/com.example.post/${mimeType.replace(/\W/g, '-')}`
    await blobs.applyWrites(did, [{ action: 'create', uri, record: { ref } }], { rev: '3kyimv2x4zs2a' })
    const address = `${url}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${ref.ref}`
    expect((await fetch(address)).headers.get('content-type')).toBe(mimeType)
    return address
  }

  /** A page of the same origin without a policy of its own, and what has run in it. */
  async function bare(): Promise<{ page: Page; ran: Set<string> }> {
    const page = await place.window()
    const ran = new Set<string>()
    page.context().on('request', (request) => {
      const { pathname, search } = new URL(request.url())
      if (pathname === '/ran') ran.add(search)
    })
    page.on('dialog', (dialog) => {
      ran.add(dialog.message())
      void dialog.dismiss()
    })
    // A server error is enough. Routing a request would turn the browser's cache off.
    await page.goto(`${place.pds.url}/bare`)
    await page.addScriptTag({ path: join(import.meta.dirname, 'include.js') })
    return { page, ran }
  }

  // Fails for HTML, SVG and XML without `content-disposition` and the sandbox in src/http/answer.ts; for JavaScript and CSS
  // without src/http/answer.ts, its refusal or its `vary`.
  test.each(Object.entries(hostile))('runs nowhere: %s', async (mimeType, text) => {
    const address = await publish(mimeType, text)
    const { page, ran } = await bare()
    await page.evaluate(`include('${address}')`)
    expect(page.frames().filter((frame) => frame.url().startsWith('chrome-extension:'))).toEqual([])
    await page.goto(address).catch((error) => expect(String(error)).toMatch(/Download is starting|ERR_ABORTED/))
    expect([...ran]).toEqual([])
  })

  test('would run in all these ways if it were a file of the host', async () => {
    const { page, ran } = await bare()
    for (const type of ['text/javascript', 'text/css'] as const) {
      const name = `**/own-${type.slice(5)}*`
      await page.context().route(name, (route) => route.fulfill({ contentType: type, body: hostile[type] }))
      await page.evaluate(`include('${place.pds.url}/own-${type.slice(5)}?')`)
    }
    const where = ['?Window', '?DedicatedWorkerGlobalScope', '?ServiceWorkerGlobalScope', '?style']
    expect([...ran]).toEqual(expect.arrayContaining(where))
  })

  test('reaches neither cookies nor storage of the origin, even in a browser that shows it', async () => {
    const address = await publish('text/html', '<!doctype html><title>Shown</title>')
    const { page } = await bare()
    // As an old browser, or a proxy that drops this header, would.
    await page.route('**/*getBlob*', async (route) => {
      const response = await route.fetch()
      const { 'content-disposition': _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
    await page.evaluate(`document.cookie = 'session=secret'; localStorage.setItem('session', 'secret')`)
    await page.goto(address)
    expect(await page.title()).toBe('Shown')
    const tried = (code: string) =>
      page.evaluate(`(() => { try { return ${code} } catch ({ name }) { return name } })()`)
    expect(await tried('self.origin')).toBe('null')
    expect(await tried('document.cookie')).toBe('SecurityError')
    expect(await tried('localStorage.length')).toBe('SecurityError')
    expect(await tried('indexedDB.open("x")')).toBe('SecurityError')
  })
})
