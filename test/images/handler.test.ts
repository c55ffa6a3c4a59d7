import { once } from 'node:events'
import { createServer } from 'node:http'
import express5 from 'express'
import express4 from 'express4'
import { describe, expect, test } from 'vitest'
import { createImageHandler, imageRouter } from '../../src/images.ts'
import { alice, bob, bytesOf, errorOf } from '../http/place.ts'
import { dial, listen } from '../http/servers.ts'
import { decoder } from './decoders/decoder.ts'
import { kept, openImages, picture } from './place.ts'

const pathOf = (cid: string, format = '', preset = 'feed_thumbnail', did = alice) =>
  `/img/${preset}/plain/${did}/${cid}${format}`
const requestOf = (path: string, init?: RequestInit) => new Request(`http://pds.example${path}`, init)

describe('the handler of images', () => {
  test('answers with the variant, its type, and every header that a blob has', async () => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, await picture(1500, 900).png().toBuffer(), 'image/png')
    const handler = createImageHandler(images)
    for (const [format, type] of [
      ['', 'image/webp'],
      ['@jpeg', 'image/jpeg'],
      ['@webp', 'image/webp'],
      ['@avif', 'image/avif'],
    ]) {
      const response = await handler(requestOf(pathOf(cid, format)))
      expect(response.status).toBe(200)
      const bytes = await response.arrayBuffer()
      expect(Object.fromEntries(response.headers)).toEqual({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': '*',
        'cache-control': 'public, max-age=300, must-revalidate, no-transform',
        'content-disposition': `attachment; filename="${cid}"`,
        'content-length': String(bytes.byteLength),
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
        'content-type': type,
        'cross-origin-resource-policy': 'cross-origin',
        etag: expect.stringMatching(`^W/"${cid}\\.[\\w-]{16}"$`),
        vary: 'Sec-Fetch-Dest',
        'x-content-type-options': 'nosniff',
      })
    }
  })

  test('answers HEAD without a body, and 304 to a client that has it, but not after a takedown', async () => {
    const { blobs, images, publish } = await openImages()
    const cid = await publish(alice, await picture(300, 200).jpeg().toBuffer(), 'image/jpeg')
    const handler = createImageHandler(images)
    const head = await handler(requestOf(pathOf(cid), { method: 'HEAD' }))
    expect([head.status, head.body]).toEqual([200, null])
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(20)
    const condition = { headers: { 'if-none-match': head.headers.get('etag') ?? '' } }
    const again = await handler(requestOf(pathOf(cid), condition))
    expect([again.status, again.headers.get('content-type')]).toEqual([304, null])
    const other = await handler(requestOf(pathOf(cid, '@avif'), condition))
    expect(other.status).toBe(200)
    await blobs.takedown(alice, cid)
    expect(await errorOf(await handler(requestOf(pathOf(cid), condition)))).toEqual([404, 'BlobNotFound'])
  })

  test('says what is wrong, with the same headers', async () => {
    const { images, publish } = await openImages({ maxPixels: 10_000 })
    const text = await publish(alice, new TextEncoder().encode('no image'), 'text/plain')
    const large = await publish(alice, await picture(200, 200).png().toBuffer(), 'image/png')
    const handler = createImageHandler(images, {
      accountStatus: (did) => (did === bob ? 'takendown' : 'active'),
    })
    const unknown = text.replace(/.{3}$/, 'aaa')
    for (const [path, status, error] of [
      [pathOf(text), 400, 'ImageRefused'],
      [pathOf(large), 400, 'ImageRefused'],
      [pathOf(unknown), 404, 'BlobNotFound'],
      [pathOf(large, '', 'avatar', bob), 400, 'RepoTakendown'],
      [pathOf(large, '', 'constructor'), 400, 'InvalidRequest'],
      [pathOf(large, '@svg'), 400, 'InvalidRequest'],
      [pathOf(large, '@'), 400, 'InvalidRequest'],
      [pathOf('bafyrei'), 400, 'InvalidRequest'],
      [pathOf(large, '', 'avatar', 'alice'), 400, 'InvalidRequest'],
      [`/img/avatar/${alice}/${large}`, 404, 'XRPCNotSupported'],
    ] as const) {
      const response = await handler(requestOf(path))
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('content-security-policy')).toBe(
        "default-src 'none'; frame-ancestors 'none'; sandbox",
      )
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(await errorOf(response), path).toEqual([status, error])
    }
    const post = await handler(requestOf(pathOf(large), { method: 'POST' }))
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })

  test('says when to retry if the queue is full', async () => {
    const { images, publish } = await openImages({ workers: 1, queue: 0 })
    const handler = createImageHandler(images)
    const cids = await Promise.all(
      ['red', 'green', 'blue'].map(async (colour) =>
        publish(alice, await picture(2000, 2000, colour).jpeg().toBuffer(), 'image/jpeg'),
      ),
    )
    const responses = await Promise.all(cids.map((cid) => handler(requestOf(pathOf(cid)))))
    const busy = responses.filter((response) => response.status === 503)
    expect(busy).toHaveLength(2)
    expect(busy[0]?.headers.get('retry-after')).toBe('1')
  })

  test('accepts a DID with escaped colons, as browsers and clients may send it', async () => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, await picture(30, 20).jpeg().toBuffer(), 'image/jpeg')
    const response = await createImageHandler(images)(
      requestOf(pathOf(cid, '@jpeg', 'avatar', encodeURIComponent(alice))),
    )
    expect(response.status).toBe(200)
  })
})

describe('the router of images', () => {
  test.each([
    ['Express 5', express5],
    ['Express 4', express4],
  ])('serves them on %s, at the root and at /img, and passes other paths on', async (_name, express) => {
    const { images, cache, publish } = await openImages()
    const cid = await publish(alice, await picture(300, 200).jpeg().toBuffer(), 'image/jpeg')
    for (const app of [express().use(imageRouter(images)), express().use('/img', imageRouter(images))]) {
      app.get('/img/mine', (_req: unknown, res: { end(text: string): void }) => res.end('mine'))
      const { origin } = await listen(createServer(app))
      const response = await fetch(origin + pathOf(cid, '@webp'))
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/webp'])
      expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get('content-length')))
      expect(await (await fetch(`${origin}/img/mine`)).text()).toBe('mine')
    }
    expect(await kept(cache)).toBe(1)
  })

  test('disconnects a client that stops reading', async () => {
    const store = { times: { idle: 300 }, limits: { maxBlobSize: 50_000_000 } }
    const { images, publish } = await openImages({ sharp: decoder('echo') }, store)
    const png = await picture(8, 8).png().toBuffer()
    const cid = await publish(alice, Buffer.concat([png, Buffer.alloc(30_000_000)]), 'image/png')
    await images.variant(alice, cid, 'feed_thumbnail')
    const { port, server } = await listen(createServer(imageRouter(images)))
    const closed = once(server, 'connection').then(([socket]) => once(socket, 'close'))
    const { socket } = await dial(port)
    socket.pause()
    socket.write(`GET ${pathOf(cid)} HTTP/1.1\r\nHost: pds.example\r\n\r\n`)
    await closed
  })

  test('serves them on bare Node, where other paths are not found', async () => {
    const { images, publish } = await openImages()
    const cid = await publish(alice, bytesOf(100), 'image/png')
    const { origin } = await listen(createServer(imageRouter(images)))
    expect(await errorOf(await fetch(origin + pathOf(cid)))).toEqual([400, 'ImageRefused'])
    expect((await fetch(`${origin}/elsewhere`)).status).toBe(404)
  })
})
