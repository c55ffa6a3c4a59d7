import { createServer } from 'node:http'
import express5 from 'express'
import express4 from 'express4'
import { expect, test } from 'vitest'
import { type BlobRouterOptions, blobRouter } from '../../src/express.ts'
import type { BlobBackend, BlobStore } from '../../src/index.ts'
import { alice, asAlice, bob, bytesOf, errorOf, jsonOf, openPlace, plain, query, tokens, xrpc } from './place.ts'
import { exchange, hosts, listen, serve, until } from './servers.ts'

const expresses = { 'Express 5': express5, 'Express 4': express4 }

test('a blob can be uploaded, read and listed on Express 5, Express 4 and bare Node', async () => {
  for (const [name, host] of Object.entries(hosts)) {
    const { blobs } = await openPlace()
    const { origin } = await listen(host(blobRouter(blobs, tokens)))
    const bytes = bytesOf(3_000_000)
    const headers = { ...asAlice, 'content-type': 'video/mp4' }
    const uploaded = await fetch(origin + xrpc.upload, {
      method: 'POST',
      headers,
      body: plain(bytes),
    })
    expect(uploaded.status, name).toBe(200)
    const { blob } = await jsonOf(uploaded)
    const cid: string = blob.ref.$link
    const path = query(xrpc.get, { did: alice, cid })
    expect((await fetch(origin + path)).status, name).toBe(404)

    const uri = `at://${alice}/app.example.post/1`
    await blobs.applyWrites(alice, [{ action: 'create', uri, record: { blob } }], { rev: '3jzfcijpj2z2a' })
    const whole = await fetch(origin + path)
    expect(whole.status, name).toBe(200)
    expect(whole.headers.get('content-type'), name).toBe('video/mp4')
    expect(whole.headers.get('transfer-encoding'), name).toBeNull()
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes), name).toBe(true)
    const part = await fetch(origin + path, { headers: { range: 'bytes=-5' } })
    expect([part.status, part.headers.get('content-length')], name).toEqual([206, '5'])
    expect(new Uint8Array(await part.arrayBuffer()), name).toEqual(bytes.slice(-5))
    expect((await fetch(origin + path, { headers: { 'if-none-match': `"${cid}"` } })).status, name).toBe(304)
    const head = await fetch(origin + path, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')], name).toEqual([200, '3000000'])
    expect(await (await fetch(origin + query(xrpc.list, { did: alice }))).json(), name).toEqual({ cids: [cid] })
    expect(await (await fetch(origin + xrpc.missing, { headers: asAlice })).json(), name).toEqual({ blobs: [] })
    expect((await fetch(origin + xrpc.get, { method: 'OPTIONS' })).status, name).toBe(204)
    expect((await fetch(origin + xrpc.get, { method: 'POST', body: 'text' })).status, name).toBe(405)
  }
})

test('the router may be mounted at the root, under a path or at /xrpc, and passes other paths on', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  for (const [name, express] of Object.entries(expresses)) {
    const urls: string[] = []
    const router = blobRouter(blobs, {
      authenticate: (request) => {
        urls.push(request.url)
        return { did: alice }
      },
    })
    const at = async (mount: string) => {
      const app = express().use(mount, router)
      app.use((req, res) => void res.send(`host ${req.originalUrl}`))
      return (await listen(createServer(app))).origin
    }
    const path = query(xrpc.get, { did: alice, cid })
    const origin = await at('/')
    const deep = await at('/deep/pds')
    for (const url of [origin + path, `${deep}/deep/pds${path}`, (await at('/xrpc')) + path]) {
      expect((await fetch(url)).headers.get('etag'), name).toBe(`"${cid}"`)
    }
    for (const other of ['/', '/xrpc/com.atproto.sync.getRepo?did=x', `/other${xrpc.get}`, `${xrpc.get}/more`]) {
      expect(await (await fetch(origin + other)).text(), name).toBe(`host ${other}`)
    }
    const missing = query(xrpc.missing, { limit: '1' })
    expect((await fetch(origin + missing)).status, name).toBe(200)
    expect((await fetch(`${deep}/deep/pds${missing}`)).status, name).toBe(200)
    expect(urls, name).toEqual([`${origin}${missing}`, `${deep}/deep/pds${missing}`])
  }
})

test('without next the router answers 404 itself', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serve(blobs)
  const response = await fetch(`${origin}/xrpc/com.atproto.sync.getRepo`)
  expect(await errorOf(response)).toEqual([404, 'XRPCNotSupported'])
})

test('authenticate gets the whole request except its body, and the request of Node', async () => {
  const { blobs } = await openPlace()
  const seen: Record<string, unknown>[] = []
  const authenticate: BlobRouterOptions['authenticate'] = async (request, req) => {
    const body = await request.text()
    const { method, url } = request
    seen.push({ method, url, body, dpop: request.headers.get('dpop'), token: req.headers.authorization })
    return { did: alice }
  }
  const { port } = await serve(blobs, { authenticate })
  const lines = [`POST ${xrpc.upload}?a=b HTTP/1.1`, 'DPoP: proof', 'Authorization: Bearer x', 'Content-Length: 4']
  expect(await exchange(port, lines, 'text')).toMatch(/^HTTP\/1.1 200 /)
  const url = `http://pds.example${xrpc.upload}?a=b`
  expect(seen).toEqual([{ method: 'POST', url, body: '', dpop: 'proof', token: 'Bearer x' }])
})

test('behind a proxy that Express trusts, the address is that of the client', async () => {
  const { blobs } = await openPlace()
  const urls: string[] = []
  const authenticate: BlobRouterOptions['authenticate'] = ({ url }) => {
    urls.push(url)
    return { did: alice }
  }
  const app = express5().set('trust proxy', true).use(blobRouter(blobs, { authenticate }))
  const { port } = await listen(createServer(app))
  await exchange(port, [`GET ${xrpc.missing} HTTP/1.1`, 'X-Forwarded-Proto: https'])
  await exchange(port, [`GET http://other.example${xrpc.missing} HTTP/1.1`])
  expect(urls).toEqual([`https://pds.example${xrpc.missing}`, `http://pds.example${xrpc.missing}`])
})

test('after a body parser an upload is refused, and the host gets a hint', async () => {
  for (const [name, express] of Object.entries(expresses)) {
    const { blobs, files } = await openPlace()
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    const app = express()
      .use(express.json(), express.raw({ type: 'image/*' }))
      .use(blobRouter(blobs, { ...tokens, onError }))
    const { origin } = await listen(createServer(app))
    const post = (type: string) =>
      fetch(origin + xrpc.upload, { method: 'POST', headers: { ...asAlice, 'content-type': type }, body: '{}' })
    for (const type of ['application/json', 'image/png']) {
      const response = await post(type)
      expect(response.status, name).toBe(500)
      expect((await jsonOf(response)).message, name).toContain('before express.json')
    }
    expect(errors, name).toHaveLength(2)
    expect(await files(), name).toEqual([])
    expect((await post('video/mp4')).status, name).toBe(200)
  }
})

test('bytes that fail before the first are a 500, and later a broken connection, never a complete response', async () => {
  let failAt = 0
  const wrap = (backend: BlobBackend): BlobBackend => {
    const get = backend.get.bind(backend)
    backend.get = async (...args) => {
      const object = await get(...args)
      if (!object) return null
      const { body } = object
      let calls = 0
      const next = body.next.bind(body)
      body.next = async () => {
        if (calls++ === failAt) throw new Error(`EIO in ${process.cwd()}`)
        return await next()
      }
      return object
    }
    return backend
  }
  const { blobs, publish } = await openPlace({ wrap })
  const path = query(xrpc.get, { did: alice, cid: await publish(alice, bytesOf(1_000_000)) })
  const errors: unknown[] = []
  const { origin } = await serve(blobs, { onError: (error) => errors.push(error) })
  const response = await fetch(origin + path)
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain(process.cwd())
  failAt = 2
  const cut = await fetch(origin + path)
  expect(cut.status).toBe(200)
  await expect(cut.arrayBuffer()).rejects.toThrow()
  expect(errors).toHaveLength(2)
})

test('more or fewer bytes than the blob has break the connection, and the reading is closed', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(1_000_000))
  for (const size of [1_000_001, 999_999, 500_000]) {
    let closed = 0
    const lying: BlobStore = {
      ...blobs,
      async read(...args) {
        const reading = await blobs.read(...args)
        const close = reading.chunks.return?.bind(reading.chunks)
        reading.chunks.return = async () => {
          closed++
          return (await close?.()) ?? { done: true, value: undefined }
        }
        return Object.defineProperty(reading, 'size', { value: size })
      },
    }
    const errors: unknown[] = []
    const { port } = await serve(lying, { onError: (error) => errors.push(error) })
    await exchange(port, [`GET ${query(xrpc.get, { did: alice, cid })} HTTP/1.1`])
    await until(() => closed === 1, 'the reading is closed')
    expect(errors, String(size)).toHaveLength(1)
  }
})

test('an invalid header of the host is an error like any other', async () => {
  const { blobs } = await openPlace()
  const authenticate: BlobRouterOptions['authenticate'] = () => {
    const response = new Response(null, { status: 401 })
    Object.defineProperty(response, 'headers', { value: new Map([['x-a', 'b\r\nc: d']]) })
    Object.assign(response.headers, { getSetCookie: () => [] })
    return response
  }
  const { origin } = await serve(blobs, { authenticate })
  const response = await fetch(origin + xrpc.missing)
  expect([response.status, response.headers.get('c')]).toEqual([500, null])
})

test('the host is warned once when its server would cut long uploads', async () => {
  const { blobs } = await openPlace()
  const warnings: unknown[] = []
  const logger = { warn: (facts: object) => void warnings.push(facts), error: () => {} }
  const { server, origin } = await serve(blobs, { logger })
  expect(server.requestTimeout).toBe(300_000)
  const upload = async () => (await fetch(origin + xrpc.upload, { method: 'POST', headers: asAlice, body: 'x' })).status
  expect([await upload(), await upload()]).toEqual([200, 200])
  expect(warnings).toEqual([{ requestTimeout: 300_000, upload: 1_800_000 }])

  const { server: patient, origin: other } = await serve(blobs, { logger })
  patient.requestTimeout = 0
  await fetch(other + xrpc.upload, { method: 'POST', headers: asAlice, body: 'x' })
  expect(warnings).toHaveLength(1)
})

test('a request with one’s own DID neither shows nor serves what another account has', async () => {
  const { blobs, publish } = await openPlace()
  const bytes = bytesOf(1000)
  const cid = await publish(alice, bytes)
  const { origin } = await serve(blobs)
  expect((await fetch(origin + query(xrpc.get, { did: bob, cid }))).status).toBe(404)
  const headers = { authorization: `Bearer ${bob}` }
  await fetch(origin + xrpc.upload, { method: 'POST', headers, body: plain(bytes) })
  expect((await fetch(origin + query(xrpc.get, { did: bob, cid }))).status).toBe(404)
})
