import { describe, expect, test } from 'vitest'
import { alice } from '../http/place.ts'
import { decoder } from './decoders/decoder.ts'
import { openImages, picture } from './place.ts'

/** A place with an image in it. */
async function withImage(options: Parameters<typeof openImages>[0]) {
  const place = await openImages(options)
  const cids: string[] = []
  for (const colour of ['red', 'green', 'blue']) {
    cids.push(await place.publish(alice, await picture(64, 64, colour).png().toBuffer(), 'image/png'))
  }
  const [cid = '', second = '', third = ''] = cids
  return { ...place, cid, second, third, variant: (which: string) => place.images.variant(alice, which, 'avatar') }
}

describe('the process that decodes', () => {
  test('may crash: the image is refused, and the next one has a process of its own', async () => {
    const { variant, cid, second } = await withImage({ sharp: decoder('crash') })
    for (const one of [cid, second]) {
      await expect(variant(one)).rejects.toMatchObject({
        code: 'ImageRefused',
        message: expect.stringMatching(/the decoder crashed/),
      })
    }
  })

  test('is killed at the deadline, even where it never yields', async () => {
    const { variant, cid, second } = await withImage({ sharp: decoder('halt'), timeout: 300, workers: 1 })
    for (const one of [cid, second]) {
      await expect(variant(one)).rejects.toMatchObject({
        code: 'ImageRefused',
        message: expect.stringMatching(/took longer than 300 ms/),
      })
    }
  })

  test('is killed when it takes more memory than it may', async () => {
    const { variant, cid } = await withImage({ sharp: decoder('greedy'), maxMemory: 256 * 1024 * 1024 })
    await expect(variant(cid)).rejects.toMatchObject({
      code: 'ImageRefused',
      message: expect.stringMatching(/more memory/),
    })
  })

  test('is killed when it gives more than an image can have, or bytes that nobody asked for', async () => {
    const flooded = await withImage({ sharp: decoder('flood') })
    await expect(flooded.variant(flooded.cid)).rejects.toMatchObject({
      code: 'ImageRefused',
      message: expect.stringMatching(/more than \d+/),
    })
    const lied = await withImage({ sharp: decoder('liar') })
    await expect(lied.variant(lied.cid)).rejects.toMatchObject({
      code: 'ImageRefused',
      message: expect.stringMatching(/no answer/),
    })
  })

  test('sees nothing of what the server has in its environment', async () => {
    process.env.PDS_SECRET = 'hunter2'
    try {
      const { variant, cid } = await withImage({ sharp: decoder('loud') })
      const seen = new TextDecoder().decode((await variant(cid)).bytes)
      expect(seen).toContain('PATH')
      expect(seen).not.toMatch(/PDS_SECRET|hunter2/)
    } finally {
      delete process.env.PDS_SECRET
    }
  })

  test('says plainly that sharp is missing, and is tried again with the next image', async () => {
    const { variant, cid } = await withImage({ sharp: decoder('absent') })
    for (let i = 0; i < 2; i++) {
      await expect(variant(cid)).rejects.toMatchObject({
        code: 'ImagesFailed',
        message: expect.stringMatching(
          /need the package sharp \(0\.35 or later\), which cannot be loaded: Cannot find module/,
        ),
      })
    }
  })

  test('is not asked again for some time about what it has refused', async () => {
    const { images, variant, cid } = await withImage({ sharp: decoder('crash') })
    const first = await variant(cid).catch((error) => error)
    const again = await images.variant(alice, cid, 'banner', { format: 'jpeg' }).catch((error) => error)
    expect(again).toBe(first)
  })
})

describe('images that wait', () => {
  test('are made one after the other where there is one process, and no more wait than may', async () => {
    const { variant, cid, second, third } = await withImage({ sharp: decoder('slow'), workers: 1, queue: 1 })
    const results = await Promise.allSettled([cid, second, third].map(variant))
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    const refused = results.find((result) => result.status === 'rejected')
    expect(refused?.reason).toMatchObject({ code: 'ImagesBusy', transient: true })
    // The place in the queue is free again.
    await expect(variant(third)).resolves.toBeDefined()
  })

  test('give up their place when nobody waits for them any more', async () => {
    const { images, variant, cid, second, third } = await withImage({ sharp: decoder('slow'), workers: 1, queue: 1 })
    const first = variant(cid)
    const gone = new AbortController()
    const waiting = images.variant(alice, second, 'avatar', { signal: gone.signal })
    await new Promise((resolve) => setTimeout(resolve, 100))
    gone.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    await expect(Promise.all([first, variant(third)])).resolves.toHaveLength(2)
  })

  test('end with the closing, and so do those that are being made', async () => {
    const { images, variant, cid, second } = await withImage({ sharp: decoder('slow'), workers: 1 })
    const all = Promise.allSettled([variant(cid), variant(second)])
    await new Promise((resolve) => setTimeout(resolve, 100))
    await images.close()
    for (const result of await all) expect(result).toMatchObject({ reason: { code: 'StoreClosed' } })
    await expect(variant(cid)).rejects.toMatchObject({ code: 'StoreClosed' })
  })
})
