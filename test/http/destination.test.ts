import { createServer } from 'node:http'
import express from 'express'
import { expect, test } from 'vitest'
import { blobRouter } from '../../src/express.ts'
import { createBlobHandler } from '../../src/http.ts'
import { createImageHandler } from '../../src/images.ts'
import { openImages, picture } from '../images/place.ts'
import { alice, bytesOf, errorOf, openPlace, query, tokens, xrpc } from './place.ts'
import { listen, serve } from './servers.ts'

const code = ['script', 'style', 'xslt', 'worker', 'sharedworker', 'serviceworker', 'audioworklet', 'paintworklet']
const shown = ['image', 'video', 'audio', 'empty', 'document', 'iframe', 'embed', 'object', 'track', 'font', '']
const as = (destination: string, more: Record<string, string> = {}) => ({
  headers: { 'sec-fetch-dest': destination, ...more },
})

test('a browser that would run a blob is refused, in every way in which it can ask', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(100), 'text/javascript')
  const { origin } = await serve(blobs)
  const address = origin + query(xrpc.get, { did: alice, cid })
  for (const destination of code) {
    for (const more of [{}, { range: 'bytes=0-9' }, { 'if-none-match': `"${cid}"` }, { 'if-none-match': '*' }]) {
      const response = await fetch(address, as(destination, more))
      expect(response.headers.get('cache-control'), destination).toBe('no-store')
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(await errorOf(response), destination).toEqual([403, 'Forbidden'])
    }
  }
})

test('clients that show or save it get it, and clients that send no purpose too', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(100), 'image/png')
  const handler = createBlobHandler(blobs, tokens)
  const address = `http://pds.example${query(xrpc.get, { did: alice, cid })}`
  for (const destination of shown) expect((await handler(new Request(address, as(destination)))).status).toBe(200)
  expect((await handler(new Request(address))).status).toBe(200)
})

test('a cache that has it for one purpose asks again for another: 200, 206, 304 and HEAD vary', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(100))
  const { origin } = await serve(blobs)
  const address = origin + query(xrpc.get, { did: alice, cid })
  const requests: [number, RequestInit][] = [
    [200, {}],
    [200, { method: 'HEAD' }],
    [206, { headers: { range: 'bytes=0-9' } }],
    [304, { headers: { 'if-none-match': `"${cid}"` } }],
  ]
  for (const [status, init] of requests) {
    const response = await fetch(address, init)
    expect([response.status, response.headers.get('vary')]).toEqual([status, 'Sec-Fetch-Dest'])
    await response.arrayBuffer()
  }
})

test('the host’s own Vary header is kept', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(100))
  const app = express()
    .use((_req, res, next) => {
      res.vary('Origin')
      next()
    })
    .use(blobRouter(blobs, tokens))
  const { origin } = await listen(createServer(app))
  for (const params of [
    { did: alice, cid },
    { did: alice, cid: 'none' },
  ]) {
    const response = await fetch(origin + query(xrpc.get, params))
    expect(response.headers.get('vary')).toBe('Origin, Sec-Fetch-Dest')
    await response.arrayBuffer()
  }
})

test('lists and uploads are not files: they neither refuse nor vary', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serve(blobs)
  const response = await fetch(origin + query(xrpc.list, { did: alice }), as('script'))
  expect([response.status, response.headers.get('vary')]).toEqual([200, null])
})

test('images are answered in the same way', async () => {
  const { images, publish } = await openImages()
  const cid = await publish(alice, await picture(30, 20).png().toBuffer(), 'image/png')
  const handler = createImageHandler(images)
  const address = `http://pds.example/img/avatar/plain/${alice}/${cid}`
  expect(await errorOf(await handler(new Request(address, as('script'))))).toEqual([403, 'Forbidden'])
  const response = await handler(new Request(address, as('image')))
  expect([response.status, response.headers.get('vary')]).toEqual([200, 'Sec-Fetch-Dest'])
})
