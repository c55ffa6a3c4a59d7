import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser } from './browser.ts'
import { Place } from './place.ts'
import { shownFrames } from './steps.ts'

const include = readFileSync(join(import.meta.dirname, 'include.js'), 'utf8')
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

describe.skipIf(!hasBrowser())('an uploaded file', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { accept: ['*/*'], mimePolicy: 'declared' } })
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  async function publish(mimeType: string, text: string): Promise<string> {
    const address = await place.publish(Buffer.from(text), mimeType)
    expect((await fetch(address)).headers.get('content-type')).toBe(mimeType)
    return address
  }

  /** A page of the same origin, or of another host, without a policy of its own, and what has run in it since. */
  async function bare(host = '127.0.0.1'): Promise<{ page: Page; ran: () => string[] }> {
    const page = await place.window()
    const dialogs: string[] = []
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    // A server error is enough. Routing a request would turn the browser's cache off.
    await page.goto(`${place.pds.url.replace('127.0.0.1', host)}/bare`)
    await page.evaluate(`(() => { ${include} })()`)
    const before = place.answers.length
    const requests = () => place.answers.slice(before).flatMap(({ url }) => /^\/ran(\?.*)/.exec(url)?.[1] ?? [])
    return { page, ran: () => [...requests(), ...dialogs] }
  }

  // Fails for HTML, SVG and XML without `content-disposition` and the sandbox in src/http/answer.ts; for JavaScript and CSS
  // without src/http/answer.ts, its refusal or its `vary`.
  test.concurrent.each(Object.entries(hostile))('runs nowhere: %s', async (mimeType, text) => {
    const address = await publish(mimeType, text)
    const { page, ran } = await bare()
    await page.evaluate(`include('${address}')`)
    expect(await shownFrames(page)).toEqual([])
    await page.goto(address).catch((error) => expect(String(error)).toMatch(/Download is starting|ERR_ABORTED/))
    expect(ran()).toEqual([])
  })

  // Firefox shows a PDF in <object> and <embed> if the headers allow it to be framed.
  test.concurrent.each(['text/html', 'image/svg+xml', 'application/pdf'] as const)(
    'is shown in no frame of another origin: %s',
    async (mimeType) => {
      const address = await publish(mimeType, `${hostile[mimeType]}\n`)
      const { page, ran } = await bare('localhost')
      await page.evaluate(`include('${address}')`)
      expect(await shownFrames(page)).toEqual([])
      expect(ran()).toEqual([])
    },
  )

  test('would run in all these ways if it were a file of the host', async () => {
    const { page, ran } = await bare()
    for (const mimeType of ['text/javascript', 'text/css'] as const) {
      place.hostFiles.set(`/own/${mimeType}`, { mimeType, text: hostile[mimeType] })
      await page.evaluate(`include('${place.pds.url}/own/${mimeType}?')`)
    }
    const where = ['?Window', '?DedicatedWorkerGlobalScope', '?ServiceWorkerGlobalScope', '?style']
    expect(ran()).toEqual(expect.arrayContaining(where))
  })

  test('reaches neither cookies nor storage of the origin, even in a browser that shows it', async () => {
    const address = await publish('text/html', '<!doctype html><title>Shown</title>')
    const { page } = await bare()
    // As an old browser, or a proxy that drops this header, would.
    place.droppedHeader = 'content-disposition'
    await page.evaluate(`[document.cookie = 'session=secret', localStorage.setItem('session', 'secret')]`)
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
