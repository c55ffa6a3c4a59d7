import { writeFileSync } from 'node:fs'
import type { Response } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium } from './chromium.ts'
import { film } from './film.ts'
import { Place } from './place.ts'
import { post, slowDown, tileOf, until } from './steps.ts'

const MiB = 1024 * 1024

describe.skipIf(!hasChromium())('a video', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { maxBlobSize: 64 * MiB } })
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  test('plays where one jumps to, by a range from there', async () => {
    const page = await place.window('alice')
    const file = place.path('film.mp4')
    const bytes = film(120, MiB / 2)
    writeFileSync(file, bytes)
    await page.setInputFiles('#files', file)
    await tileOf(page, 'film.mp4').getByRole('checkbox').waitFor()
    // As from afar: else all of it is here before anybody can jump.
    await slowDown(page, { downloadThroughput: 8 * MiB })
    await post(page, 'Two minutes')
    await page.getByRole('button', { name: /^film.mp4/ }).click()
    await until(page, 'document.querySelector("dialog video").readyState >= 1')

    const answers: Response[] = []
    page.on('response', (response) => answers.push(response))
    const [from, to] = [0.6 * bytes.length, 0.8 * bytes.length]
    const reached = await page.evaluate(`new Promise((done) => {
      const video = document.querySelector('dialog video')
      video.onseeked = () => done([video.currentTime, video.duration, video.error])
      video.currentTime = 90
    })`)
    expect(reached).toEqual([90, 120, null])

    const ranges = () =>
      answers
        .map((answer) => `${answer.status()} ${answer.headers()['content-range']}`)
        .filter((range) => {
          const start = Number(/^206 bytes (\d+)-/.exec(range)?.[1])
          return start > from && start < to
        })
    await expect.poll(ranges, { timeout: 10_000 }).toHaveLength(1)
    expect(ranges()[0]).toMatch(new RegExp(`-${bytes.length - 1}/${bytes.length}$`))

    await page.evaluate('document.querySelector("dialog video").play()')
    await until(page, 'document.querySelector("dialog video").currentTime > 90.5')
    expect(place.complaints()).toEqual([])
  })
})
