import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type BlobRouterOptions, blobRouter, checkContinue } from '../../src/express.ts'
import { createBlobHandler } from '../../src/http.ts'
import { alice, bytesOf, openPlace, query, tokens, xrpc } from './place.ts'
import { until } from './servers.ts'

const known = { authorization: `Bearer ${alice}` }

async function open(server: Http2Server): Promise<ClientHttp2Session> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    maxSessionMemory: 1000, // for bodies that are written at once
  })
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  return client
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

async function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Uint8Array): Promise<Answer> {
  const stream = client.request(headers)
  stream.on('error', () => {})
  stream.end(body)
  const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }]
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return { status: answered[':status'], headers: answered, body: Buffer.concat(chunks) }
}

const upload = { ':method': 'POST', ':path': xrpc.upload, ...known }

// Fails when `webRequest` copies pseudo-headers (`:method`): every authenticated request was 500.
test('a blob is uploaded and served over HTTP/2, by the router and by a handler', async () => {
  const { blobs } = await openPlace()
  const listener = getRequestListener(createBlobHandler(blobs, tokens), { overrideGlobalObjects: false })
  for (const server of [createServer(blobRouter(blobs, tokens)), createServer((...call) => void listener(...call))]) {
    const client = await open(server)
    const bytes = bytesOf(3_000_000)
    const up = await ask(client, { ...upload, 'content-type': 'video/mp4' }, bytes)
    expect(up.status).toBe(200)
    const { blob } = JSON.parse(up.body.toString())
    const uri = `at://${alice}/app.example.post/1`
    await blobs.applyWrites(alice, [{ action: 'update', uri, record: { blob } }], { rev: '3jzfcijpj2z2a' })
    const path = query(xrpc.get, { did: alice, cid: blob.ref.$link })
    const down = await ask(client, { ':path': path })
    expect([down.status, down.headers['content-type'], down.body.equals(bytes)]).toEqual([200, 'video/mp4', true])
    const part = await ask(client, { ':path': path, range: 'bytes=1-3' })
    expect([part.status, part.body.equals(Buffer.from(bytes.subarray(1, 4)))]).toEqual([206, true])
    expect((await ask(client, { ':path': path, ':method': 'HEAD' })).headers['content-length']).toBe('3000000')
    expect((await ask(client, { ':path': path, 'if-none-match': `"${blob.ref.$link}"` })).status).toBe(304)
    expect((await ask(client, { ':path': xrpc.missing, ...known })).status).toBe(200)
  }
})

test('authenticate gets the address and the headers, without pseudo-headers', async () => {
  const { blobs } = await openPlace()
  const seen: unknown[] = []
  const authenticate: BlobRouterOptions['authenticate'] = ({ url, method, headers }) => {
    seen.push([method, url, [...headers.keys()]])
    return { did: alice }
  }
  const client = await open(createServer(blobRouter(blobs, { authenticate })))
  await ask(
    client,
    { ':method': 'POST', ':path': `${xrpc.upload}?a=b`, ':authority': 'pds.example', dpop: 'x' },
    bytesOf(1),
  )
  expect(seen).toEqual([['POST', `http://pds.example${xrpc.upload}?a=b`, ['dpop']]])
})

test('a refusal reaches a client that is still sending, without headers that HTTP/2 forbids', async () => {
  const warned = vi.fn()
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const { blobs, files } = await openPlace({ limits: { maxBlobSize: 100_000 } })
  const listener = getRequestListener(createBlobHandler(blobs, tokens), { overrideGlobalObjects: false })
  for (const server of [createServer(blobRouter(blobs, tokens)), createServer((...call) => void listener(...call))]) {
    const client = await open(server)
    const big = bytesOf(20_000_000)
    expect((await ask(client, upload, big)).status).toBe(413)
    expect((await ask(client, { ...upload, 'content-length': big.length }, big)).status).toBe(413)
    expect((await ask(client, { ':method': 'POST', ':path': xrpc.upload }, big)).status).toBe(401)
    expect(client.destroyed).toBe(false)
  }
  expect(await files()).toEqual([])
  expect(warned).not.toHaveBeenCalled()
})

test('a client that never stops sending has its stream reset, and keeps its connection', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 1000 }, times: { idle: 200 } })
  const client = await open(createServer(blobRouter(blobs, tokens)))
  const stream = client.request(upload)
  stream.on('error', () => {})
  const sending = setInterval(() => stream.writable && stream.write(Buffer.alloc(1000)), 5)
  stream.resume()
  await once(stream, 'close')
  clearInterval(sending)
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  expect((await ask(client, upload, bytesOf(10))).status).toBe(200)
})

test('a client that asks before it sends gets a 100 Continue, or is refused at once', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 1000 } })
  const client = await open(createServer(blobRouter(blobs, tokens)).on('checkContinue', checkContinue))
  const asked = async (size: number) => {
    const stream = client.request({ ...upload, expect: '100-continue', 'content-length': size })
    stream.on('error', () => {})
    const told = vi.fn()
    stream.on('continue', () => {
      told()
      stream.end(bytesOf(size))
    })
    const [headers] = await once(stream, 'response')
    stream.resume().end()
    return [headers[':status'], told.mock.calls.length]
  }
  expect(await asked(1000)).toEqual([200, 1])
  expect(await asked(1001)).toEqual([413, 0])
})

test('a client that stops reading is disconnected, and its file closed', async () => {
  const { blobs, publish } = await openPlace({ times: { idle: 200 }, limits: { maxBlobSize: 50_000_000 } })
  const cid = await publish(alice, bytesOf(20_000_000))
  const client = await open(createServer(blobRouter(blobs, tokens)))
  const stream = client.request({ ':path': query(xrpc.get, { did: alice, cid }) })
  stream.on('error', () => {})
  await once(stream, 'response')
  stream.pause()
  await until(() => stream.closed, 'the stream is reset')
})
