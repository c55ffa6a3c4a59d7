import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium } from './chromium.ts'
import { Place } from './place.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const script = `top.ran = 1; document.title = 'ran'; fetch('/ran')`
const hostile = {
  'text/html': `<!doctype html><script>${script}</script>`,
  'image/svg+xml': `<svg xmlns="http://www.w3.org/2000/svg" onload="${script}"><script>${script}</script></svg>`,
  'application/xml': `<x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>${script}</h:script></x>`,
}

// Goes red without `content-disposition` and the sandbox in src/http/headers.ts.
describe.skipIf(!hasChromium())('what somebody uploaded runs no script', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { accept: ['*/*'] } })
    await place.pds.db.insertInto('account').values({ did, handle: 'mallory.test', password: '' }).execute()
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  test.each(Object.entries(hostile))('%s', async (mimeType, text) => {
    const { blobs, url } = place.pds
    const ref = await blobs.upload(did, Buffer.from(text), { mimeType })
    const uri = `at://${did}/com.example.post/${mimeType.replace(/\W/g, '-')}`
    await blobs.applyWrites(did, [{ action: 'create', uri, record: { ref } }], { rev: '3kyimv2x4zs2a' })
    const address = `${url}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${ref.ref}`
    expect((await fetch(address)).headers.get('content-type')).toBe(mimeType)

    const page = await place.window()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    // A page of the same origin that has no policy of its own.
    await page.route(`${url}/bare`, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
    await page.goto(`${url}/bare`)
    for (const [element, attribute] of [
      ['iframe', 'src'],
      ['object', 'data'],
      ['img', 'src'],
      ['script', 'src'],
    ]) {
      await page.evaluate(
        `new Promise((done) => {
          const made = document.createElement('${element}')
          made.onload = made.onerror = done
          made.setAttribute('${attribute}', ${JSON.stringify(address)})
          document.body.append(made)
          setTimeout(done, 500)
        })`,
      )
    }
    await page.goto(address).catch((error) => expect(String(error)).toMatch(/Download is starting|ERR_ABORTED/))
    expect(await page.evaluate('window.ran')).toBeUndefined()
    expect(asked).not.toContain('/ran')
  })
})
