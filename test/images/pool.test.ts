import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WorkerProcess } from '../../src/images/pool/worker-process.ts'
import { createImageVariants } from '../../src/images.ts'
import { MemoryBackend } from '../../src/index.ts'
import { alice, openPlace } from '../http/place.ts'
import { until } from '../http/servers.ts'
import { svg } from './bombs.ts'
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

describe('the decoding process', () => {
  test('may crash: the image is refused, and the next one gets a new process', async () => {
    const { variant, cid, second } = await withImage({ sharp: decoder('crash') })
    for (const one of [cid, second]) {
      await expect(variant(one)).rejects.toMatchObject({
        code: 'ImageRefused',
        message: expect.stringMatching(/the decoder crashed/),
      })
    }
  })

  test('is killed at the timeout, even where it never yields', async () => {
    const { variant, cid, second } = await withImage({ sharp: decoder('halt'), timeout: 300, workers: 1 })
    for (const one of [cid, second]) {
      await expect(variant(one)).rejects.toMatchObject({
        code: 'ImageRefused',
        message: expect.stringMatching(/took longer than 300 ms/),
      })
    }
  })

  test('is killed when it uses more memory than allowed', async () => {
    const { variant, cid } = await withImage({ sharp: decoder('greedy'), maxMemory: 256 * 1024 * 1024 })
    await expect(variant(cid)).rejects.toMatchObject({
      code: 'ImageRefused',
      message: expect.stringMatching(/more memory/),
    })
  })

  test('is killed when it returns more than an image can have, or unrequested bytes', async () => {
    const flooded = await withImage({ sharp: decoder('flood') })
    await expect(flooded.variant(flooded.cid)).rejects.toMatchObject({
      code: 'ImageRefused',
      message: expect.stringMatching(/more than \d+/),
    })
    const lied = await withImage({ sharp: decoder('liar') })
    await expect(lied.variant(lied.cid)).rejects.toMatchObject({
      code: 'ImageRefused',
      message: expect.stringMatching(/invalid answer/),
    })
  })

  test("sees nothing of the server's environment", async () => {
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

  test('is missed at creation, before any request', async () => {
    const place = await openPlace()
    for (const sharp of [decoder('absent'), pathToFileURL(decoder('absent')).href, 'no-such-package']) {
      const create = () => createImageVariants({ blobs: place.blobs, cache: new MemoryBackend(), sharp })
      expect(create, sharp).toThrow(expect.objectContaining({ code: 'ImagesFailed', transient: false }))
      expect(create).toThrow(/^Images need the package sharp \(0\.35 or later\), which is not installed: it is not at/)
    }
  })

  test('that cannot be loaded fails `ready`, and every image until it can', async () => {
    const { images, variant, cid } = await withImage({ sharp: decoder('broken') })
    const unusable = {
      code: 'ImagesFailed',
      message: expect.stringMatching(
        /need the package sharp \(0\.35 or later\), which cannot be loaded: .*wrong binary/,
      ),
    }
    for (let i = 0; i < 2; i++) {
      await expect(images.ready()).rejects.toMatchObject(unusable)
      await expect(variant(cid)).rejects.toMatchObject(unusable)
    }
  })

  test('is started by `ready`, and used for the first image', async () => {
    const { images, variant, cid } = await withImage({ sharp: decoder('pid') })
    await images.ready()
    const first = new TextDecoder().decode((await variant(cid)).bytes)
    expect(Number(first)).toBeGreaterThan(1)
    await images.ready()
    await images.close()
    await expect(images.ready()).rejects.toMatchObject({ code: 'StoreClosed' })
  })

  test('is not called again for some time for a blob that it has refused', async () => {
    const { images, variant, cid } = await withImage({ sharp: decoder('crash') })
    const first = await variant(cid).catch((error) => error)
    const again = await images.variant(alice, cid, 'banner', { format: 'jpeg' }).catch((error) => error)
    expect(again).toBe(first)
  })
})

describe('the decoder', () => {
  test('decodes five formats, and nothing else that sharp could open', async () => {
    const worker = new WorkerProcess({ sharp: 'sharp', maxMemory: 2 ** 30, maxPixels: 10_000 })
    onTestFinished(() => worker.kill(undefined))
    await worker.start()
    const recipe = { width: 8, height: 8, fit: 'inside', format: 'webp', quality: 80 } as const
    const shown = { kind: 'png', width: 16, height: 16 } as const
    const decode = (bytes: Uint8Array) => {
      const read = async () => chunks(bytes)
      return worker.run({ size: bytes.byteLength, recipe, shown, read }, 30_000, new AbortController().signal)
    }
    const image = picture(16, 16)
    for (const format of ['jpeg', 'png', 'gif', 'webp', 'avif'] as const) {
      expect(await sharp(await decode(await image.toFormat(format).toBuffer())).metadata()).toMatchObject({ width: 8 })
    }
    const [tiff, pixels] = [await image.tiff().toBuffer(), await image.raw().toBuffer()]
    const others = [tiff, pixels, Buffer.from(svg), Buffer.from('%PDF-1.7'), Buffer.from('P1 1 1 0'), Buffer.from('v2')]
    for (const bytes of others) {
      await expect(decode(bytes)).rejects.toMatchObject({
        code: 'ImageRefused',
        message: expect.stringMatching(/unsupported image format/),
      })
    }
    await expect(decode(await picture(101, 100).png().toBuffer())).rejects.toMatchObject({
      message: expect.stringMatching(/exceeds pixel limit/),
    })
  })

  test('ends with the server, however that ends', { timeout: 60_000 }, async () => {
    const server = fork(join(import.meta.dirname, 'server-that-dies.ts'), [decoder('pid')], { execArgv: [] })
    onTestFinished(() => void server.kill('SIGKILL'))
    const [pid] = await once(server, 'message')
    const isAlive = () => {
      try {
        return process.kill(pid as number, 0)
      } catch {
        return false
      }
    }
    expect(isAlive()).toBe(true)
    server.kill('SIGKILL')
    await until(() => !isAlive(), 'the decoder is gone')
  })
})

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

describe('images that wait', () => {
  test('are generated one after the other where there is one process, and no more wait than allowed', async () => {
    const { variant, cid, second, third } = await withImage({ sharp: decoder('slow'), workers: 1, queue: 1 })
    const results = await Promise.allSettled([cid, second, third].map(variant))
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    const refused = results.find((result) => result.status === 'rejected')
    expect(refused?.reason).toMatchObject({ code: 'ImagesBusy', transient: true })
    // The place in the queue is free again.
    await expect(variant(third)).resolves.toBeDefined()
  })

  test('leave the queue when no caller waits for them any more', async () => {
    const place = await withImage({ sharp: decoder('slow'), workers: 1, queue: 1 })
    const { blobs, images, variant, cid, second, third } = place
    const read = vi.spyOn(blobs, 'read')
    const isWholeRead = ([, , options]: Parameters<typeof blobs.read>) => options?.range === undefined
    const first = variant(cid)
    await until(() => read.mock.calls.some(isWholeRead), 'the first has the process')
    const gone = new AbortController()
    const waiting = images.variant(alice, second, 'avatar', { signal: gone.signal })
    await new Promise((resolve) => setTimeout(resolve, 100))
    gone.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    await expect(Promise.all([first, variant(third)])).resolves.toHaveLength(2)
  })

  test('end when the variants close, and so do those that are being generated', async () => {
    const { images, variant, cid, second } = await withImage({ sharp: decoder('slow'), workers: 1 })
    const all = Promise.allSettled([variant(cid), variant(second)])
    await new Promise((resolve) => setTimeout(resolve, 100))
    await images.close()
    for (const result of await all) expect(result).toMatchObject({ reason: { code: 'StoreClosed' } })
    await expect(variant(cid)).rejects.toMatchObject({ code: 'StoreClosed' })
  })
})
