import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sampleBlob } from '../../src/testing.ts'
import { browserName, hasBrowser } from './browser.ts'
import { media, Place } from './place.ts'

const played = {
  'clip.mp4': 'video/mp4',
  'clip.webm': 'video/webm',
  'clip-vp8.webm': 'video/webm',
  'clip.mov': 'video/quicktime',
  'tone.mp3': 'audio/mpeg',
  'tone.m4a': 'audio/x-m4a',
  'tone.opus.ogg': 'audio/ogg',
  'tone.vorbis.ogg': 'audio/ogg',
  'tone.flac': 'audio/flac',
  'tone.wav': 'audio/wav',
}
const shown = ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif', 'image/bmp', 'image/apng']

// In a page of another origin that has COEP, so that each file also needs the header that allows its embedding.
describe.skipIf(!hasBrowser())('from getBlob, in a page of another origin', () => {
  let place: Place
  let page: Page
  beforeAll(async () => {
    place = await Place.open({ limits: { accept: ['*/*'] } })
    page = await place.otherOrigin()
    expect(await page.evaluate('crossOriginIsolated')).toBe(true)
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  const since = (before: number) => place.answers.slice(before).filter(({ url }) => url.includes('getBlob'))

  test.each(Object.entries(played))('%s plays, and plays on from where the user seeks', async (name, mimeType) => {
    const address = await place.publish(readFileSync(media(name)), mimeType)
    const before = place.answers.length
    const state = await page.evaluate(`new Promise((done) => {
      const player = document.body.appendChild(document.createElement('${mimeType.split('/')[0]}'))
      player.muted = true
      player.onloadedmetadata = () => { player.currentTime = player.duration / 2 }
      player.onseeked = () => player.play().catch(({ message }) => done(message))
      player.ontimeupdate = () => player.currentTime > player.duration / 2 + 0.1 && done('played')
      player.onerror = () => done(player.error.message)
      player.src = '${address}'
    })`)
    expect(state).toBe('played')
    const asked = since(before).map(({ status, range }) => [status, range !== undefined])
    expect(asked).not.toEqual([])
    for (const [status, isRange] of asked) expect(status).toBe(isRange ? 206 : 200)
  })

  test.each(shown)('%s is shown, and a script may read its pixels', async (mimeType) => {
    const address = await place.publish(sampleBlob(mimeType).bytes, mimeType)
    for (const crossOrigin of [null, 'anonymous']) {
      const state = await page.evaluate(`(async () => {
        const image = new Image()
        image.crossOrigin = ${JSON.stringify(crossOrigin)}
        image.src = '${address}'
        await image.decode()
        const canvas = document.createElement('canvas')
        const context = canvas.getContext('2d')
        context.drawImage(image, 0, 0)
        try { return context.getImageData(0, 0, 1, 1).data.length } catch ({ name }) { return name }
      })()`)
      expect(state).toBe(crossOrigin === null ? 'SecurityError' : 4)
    }
  })

  test('a variant of a picture is shown', async () => {
    const address = await place.publish(readFileSync(media('sunset.jpg')), 'image/jpeg')
    const { origin, searchParams } = new URL(address)
    const variant = `${origin}/img/avatar/plain/${searchParams.get('did')}/${searchParams.get('cid')}@webp`
    const size = await page.evaluate(`(async () => {
      const image = new Image()
      image.src = '${variant}'
      await image.decode()
      return [image.naturalWidth, image.naturalHeight]
    })()`)
    expect(size).toEqual([200, 200])
  })

  test('a script gets a range, and nothing again of what it has', async () => {
    const bytes = readFileSync(media('testcard.png'))
    const address = await place.publish(bytes, 'image/png')
    const part = await page.evaluate(`fetch('${address}', { headers: { range: 'bytes=1-3' } }).then(async (response) =>
      [response.status, response.headers.get('content-range'), await response.text()])`)
    expect(part).toEqual([206, `bytes 1-3/${bytes.length}`, 'PNG'])

    const sameAgain = `fetch('${address}', { headers: { 'if-none-match': '"${new URL(address).searchParams.get('cid')}"' } })
      .then(({ status }) => status)`
    expect(await page.evaluate(sameAgain)).toBe(304)
  })

  // Debian's WebKit has no cache of files while it is driven.
  test.skipIf(browserName === 'webkit')('the browser keeps a file, and asks only whether it has changed', async () => {
    const address = await place.publish(readFileSync(media('mandelbrot.webp')), 'image/webp')
    const before = place.answers.length
    for (const _ of [1, 2]) {
      const sizeOf = `fetch('${address}', { cache: 'no-cache' }).then((response) => response.blob()).then(({ size }) => size)`
      expect(await page.evaluate(sizeOf)).toBe(5174)
    }
    expect(since(before).map(({ status }) => status)).toEqual([200, 304])
  })
})
