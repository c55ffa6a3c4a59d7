import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser } from './browser.ts'
import { film } from './film.ts'
import { Place } from './place.ts'

const MiB = 1024 * 1024

describe.skipIf(!hasBrowser())('a video', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { maxBlobSize: 64 * MiB } })
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  test('plays from where the user seeks, by a range from there', async () => {
    const bytes = film(120, MiB / 2)
    const address = await place.publish(bytes, 'video/mp4')
    const page = await place.window()
    await page.goto(`${place.pds.url}/bare`)
    // It seeks as soon as it can, before the whole video is loaded.
    const state = await page.evaluate<{ duration: number; at: number }>(`new Promise((done) => {
      const video = document.body.appendChild(document.createElement('video'))
      video.muted = true
      video.onloadedmetadata = () => { video.currentTime = 90 }
      video.onseeked = () => video.play()
      video.ontimeupdate = () => video.currentTime > 90.5 && done({ duration: video.duration, at: video.currentTime })
      video.onerror = () => done(video.error.message)
      video.src = '${address}'
    })`)
    expect(state.duration).toBe(120)
    // On a busy machine the page may hear of the time seconds late.
    expect(state.at).toBeGreaterThan(90.5)
    expect(state.at).toBeLessThan(115)

    const answers = place.answers.filter(({ url }) => url.includes('getBlob'))
    const startOf = (range = '') => Number(/^bytes=(\d+)-/.exec(range)?.[1])
    const isJump = (start: number) => start > 0.7 * bytes.length && start < 0.8 * bytes.length
    expect(
      answers.filter(({ status, range }) => status === 206 && isJump(startOf(range))),
      JSON.stringify(answers),
    ).not.toEqual([])
  })
})
