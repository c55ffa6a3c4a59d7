import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium } from './chromium.ts'
import { film } from './film.ts'
import { Place } from './place.ts'

const MiB = 1024 * 1024
const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

describe.skipIf(!hasChromium())('a video', () => {
  let place: Place
  beforeAll(async () => {
    place = await Place.open({ limits: { maxBlobSize: 64 * MiB } })
    await place.pds.db.insertInto('account').values({ did, handle: 'dave.test', password: '' }).execute()
  })
  afterAll(() => place?.[Symbol.asyncDispose]())

  test('plays from where the user seeks, by a range from there', async () => {
    const { blobs, url } = place.pds
    const bytes = film(120, MiB / 2)
    const ref = await blobs.upload(did, bytes, { mimeType: 'video/mp4' })
    const uri = `at://${did}/com.example.post/film`
    await blobs.applyWrites(did, [{ action: 'create', uri, record: { ref } }], { rev: '3kyimv2x4zs2a' })

    const page = await place.window()
    await page.goto(`${url}/bare`)
    const answers: string[] = []
    page.on('response', (answer) => answers.push(`${answer.status()} ${answer.headers()['content-range']}`))
    // It seeks as soon as it can, before the whole video is loaded.
    const state = await page.evaluate(`new Promise((done) => {
      const video = document.body.appendChild(document.createElement('video'))
      video.muted = true
      video.onloadedmetadata = () => { video.currentTime = 90 }
      video.onseeked = () => video.play()
      video.ontimeupdate = () => video.currentTime > 90.5 && done([video.duration, Math.floor(video.currentTime)])
      video.onerror = () => done(video.error.message)
      video.src = '/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${ref.ref}'
    })`)
    expect(state).toEqual([120, 90])

    const isJump = (answer: string) => {
      const start = Number(/^206 bytes (\d+)-/.exec(answer)?.[1])
      return start > 0.7 * bytes.length && start < 0.8 * bytes.length
    }
    expect(answers[0]).toBe(`206 bytes 0-${bytes.length - 1}/${bytes.length}`)
    expect(answers.filter(isJump), answers.join('\n')).not.toEqual([])
  })
})
