import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect, createServer as createHttp2Server, type IncomingHttpHeaders as Http2Headers } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blobRouter } from '../../src/express.ts'
import { createBlobHandler } from '../../src/http.ts'
import { cidOfBytes } from '../../src/index.ts'
import { openPlace, xrpc } from './place.ts'
import { hosts, listen } from './servers.ts'
import { asAlice, tokens } from './tokens.ts'

// The IETF's draft of resumable uploads on uploadBlob. Fails when nothing is offered before the body has arrived, when
// what arrived before a connection broke is lost, and when a wrong offset is accepted.

const MiB = 1024 * 1024
const all = Buffer.alloc(3 * MiB + 5).map((_, at) => (at * 31 + (at >> 9)) & 255)
const offering = { ...tokens, interimResponses: true }
const partial = { ...asAlice, 'content-type': 'application/partial-upload' }

interface Begun {
  /** From the interim response. */
  location: string
  limits: string
}

/** Sends only the first bytes of a whole upload, and breaks the connection. */
async function interrupted(origin: string, sent: number, headers: Record<string, string> = {}): Promise<Begun> {
  const req = httpRequest(origin + xrpc.upload, {
    method: 'POST',
    headers: {
      ...asAlice,
      ...{ 'content-type': 'video/mp4', 'content-length': all.length, 'upload-complete': '?1' },
      ...headers,
    },
  })
  req.on('error', () => {})
  const interim = once(req, 'information') as Promise<[{ statusCode: number; headers: IncomingHttpHeaders }]>
  req.write(all.subarray(0, sent))
  const [information] = await interim
  expect(information.statusCode).toBe(104)
  await sleep(100)
  req.destroy()
  const { location = '', 'upload-limit': limits = '' } = information.headers
  return { location, limits: String(limits) }
}

const head = (origin: string, location: string) => fetch(origin + location, { method: 'HEAD', headers: asAlice })

function patch(url: string, offset: number, complete: '?0' | '?1', body: Uint8Array): Promise<Response> {
  const headers = { ...partial, 'upload-offset': String(offset), 'upload-complete': complete }
  return fetch(url, { method: 'PATCH', headers, body: new Uint8Array(body) })
}

describe.each(Object.entries(hosts))('an upload to %s', (_name, serverOf) => {
  test('that was interrupted is continued where it ended, and answers as if it had not been', async () => {
    const { blobs } = await openPlace({ limits: { maxBlobSize: 10 * MiB } })
    const { origin } = await listen(serverOf(blobRouter(blobs, offering)))
    const { location, limits } = await interrupted(origin, 2_500_000)
    expect(location).toMatch(/^\/xrpc\/com\.atproto\.repo\.uploadBlob\?upload=[a-z2-7]{26}$/)
    expect(limits).toMatch(/^max-size=10485760, max-age=\d+$/)
    const state = await head(origin, location)
    expect(state.status).toBe(204)
    const offset = Number(state.headers.get('upload-offset'))
    expect(offset).toBeGreaterThan(2_000_000)
    expect(offset).toBeLessThanOrEqual(2_500_000)
    expect(state.headers.get('upload-complete')).toBe('?0')
    expect(state.headers.get('upload-length')).toBe(String(all.length))
    const last = await patch(origin + location, offset, '?1', all.subarray(offset))
    expect(last.status).toBe(200)
    expect(last.headers.get('upload-complete')).toBe('?1')
    const { blob } = (await last.json()) as { blob: { ref: { $link: string } } }
    expect(blob).toMatchObject({ $type: 'blob', ref: { $link: cidOfBytes(all) }, mimeType: 'video/mp4' })
    const missed = await fetch(origin + location, { headers: asAlice })
    expect(await missed.json()).toMatchObject({ offset: all.length, blob })
    expect((await head(origin, location)).headers.get('upload-complete')).toBe('?1')
  })
})

async function place(limits: { maxBlobSize?: number; accept?: string[] } = {}) {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 10 * MiB, ...limits } })
  const { origin } = await listen(createServer(blobRouter(blobs, offering)))
  const begin = async (headers: Record<string, string>, body: Uint8Array = new Uint8Array()) =>
    fetch(origin + xrpc.upload, { method: 'POST', headers: { ...asAlice, ...headers }, body: new Uint8Array(body) })
  return { blobs, origin, begin }
}

test('an upload in several requests needs no interim response', async () => {
  const { origin, begin } = await place()
  const created = await begin({ 'upload-complete': '?0', 'upload-length': '10' }, Buffer.from('first'))
  expect(created.status).toBe(201)
  const location = created.headers.get('location') ?? ''
  expect(created.headers.get('upload-offset')).toBe('5')
  const next = await patch(origin + location, 5, '?0', Buffer.from('seco'))
  expect([next.status, next.headers.get('upload-offset'), next.headers.get('upload-complete')]).toEqual([
    204,
    '9',
    '?0',
  ])
  const last = await patch(origin + location, 9, '?1', Buffer.from('n'))
  expect(await last.json()).toMatchObject({ blob: { ref: { $link: cidOfBytes(Buffer.from('firstsecon')) } } })
  const again = await patch(origin + location, 10, '?1', Buffer.from(''))
  expect([again.status, again.headers.get('upload-complete')]).toEqual([400, '?1'])
})

test('an end that comes too early leaves the upload, and the rest may follow', async () => {
  const { origin, begin } = await place()
  const created = await begin({ 'upload-complete': '?0', 'upload-length': '10' }, Buffer.from('first'))
  const url = origin + (created.headers.get('location') ?? '')
  const headers = { ...partial, 'upload-offset': '5', 'upload-complete': '?1' }
  const body = new Blob(['seco']).stream() // of no announced length
  const early = await fetch(url, { method: 'PATCH', headers, body, duplex: 'half' } as RequestInit)
  expect([early.status, early.headers.get('upload-complete')]).toEqual([400, null])
  expect(await early.json()).toMatchObject({ error: 'InvalidSize' })
  expect((await fetch(url, { method: 'HEAD', headers: asAlice })).headers.get('upload-offset')).toBe('9')
  expect((await patch(url, 9, '?1', Buffer.from('n'))).status).toBe(200)
})

test('what does not continue the upload is refused, and changes nothing', async () => {
  const { origin, begin } = await place()
  const created = await begin({ 'upload-complete': '?0', 'upload-length': '10' }, Buffer.from('first'))
  const url = origin + (created.headers.get('location') ?? '')
  const wrong = await patch(url, 3, '?1', Buffer.from('x'))
  expect([wrong.status, wrong.headers.get('upload-offset')]).toEqual([409, '5'])
  expect((await patch(url, 5, '?1', Buffer.from('x'))).status).toBe(400) // 6 bytes, but 10 were announced
  expect((await patch(url, 5, '?0', Buffer.from('too many'))).status).toBe(400)
  expect((await fetch(url, { method: 'PATCH', headers: { ...asAlice }, body: 'x' })).status).toBe(415)
  expect((await fetch(url, { method: 'PATCH', headers: partial, body: 'x' })).status).toBe(400)
  expect((await fetch(url, { method: 'POST', headers: asAlice, body: 'x' })).status).toBe(405)
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(401)
  const coded = { ...partial, 'content-encoding': 'gzip', 'upload-offset': '5', 'upload-complete': '?0' }
  expect((await fetch(url, { method: 'PATCH', headers: coded, body: 'x' })).status).toBe(415)
  const state = await fetch(url, { headers: asAlice })
  expect(await state.json()).toEqual({ offset: 5, size: 10 })
  expect((await fetch(url, { method: 'DELETE', headers: asAlice })).status).toBe(204)
  expect((await fetch(url, { method: 'HEAD', headers: asAlice })).status).toBe(404)
  const other = url.replace(/upload=.*/, 'upload=..%2f')
  expect((await fetch(other, { method: 'HEAD', headers: asAlice })).status).toBe(404)
})

test('limits hold, and an error of the bytes says that sending them again would not help', async () => {
  const { origin, begin } = await place({ maxBlobSize: 100, accept: ['image/png'] })
  const large = await begin({ 'upload-complete': '?0', 'upload-length': '101' })
  expect(large.status).toBe(413)
  const created = await begin({ 'upload-complete': '?0', 'content-type': 'video/mp4' }, Buffer.from('any'))
  const last = await patch(origin + (created.headers.get('location') ?? ''), 3, '?1', Buffer.from(''))
  expect([last.status, last.headers.get('upload-complete')]).toEqual([400, '?1'])
  expect(await last.json()).toMatchObject({ error: 'InvalidMimeType' })
})

test('a client of another version of the draft gets what it understands', async () => {
  const { origin, begin } = await place()
  const sixth = await interrupted(origin, 1000, { 'upload-draft-interop-version': '6' })
  const state = await fetch(origin + sixth.location, {
    method: 'HEAD',
    headers: { ...asAlice, 'upload-draft-interop-version': '6' },
  })
  expect(state.headers.get('upload-draft-interop-version')).toBe('6')
  const third = await begin({ 'upload-draft-interop-version': '3', 'upload-incomplete': '?0' }, Buffer.from('whole'))
  expect(third.status).toBe(200)
  expect(third.headers.has('location')).toBe(false)
})

test('without the option no interim response is sent: some proxies would take it for the response', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 10 * MiB } })
  const { origin } = await listen(createServer(blobRouter(blobs, tokens)))
  const req = httpRequest(origin + xrpc.upload, {
    method: 'POST',
    headers: { ...asAlice, 'content-length': all.length, 'upload-complete': '?1' },
  })
  let interims = 0
  req.on('information', () => (interims += 1))
  req.end(all)
  const [response] = (await once(req, 'response')) as [{ statusCode: number; resume(): void }]
  response.resume()
  expect([response.statusCode, interims]).toEqual([200, 0])
})

test('a small upload is not made resumable, and a server without interim responses offers none', async () => {
  const { blobs, begin } = await place()
  const small = await begin({ 'upload-complete': '?1', 'content-type': 'image/png' }, Buffer.from('small'))
  expect(small.status).toBe(200)
  const web = createBlobHandler(blobs, tokens)
  const whole = await web(
    new Request(`http://localhost${xrpc.upload}`, {
      method: 'POST',
      headers: { ...asAlice, 'upload-complete': '?1' },
      body: new Uint8Array(all),
    }),
  )
  expect(await whole.json()).toMatchObject({ blob: { ref: { $link: cidOfBytes(all) } } })
})

test('OPTIONS says that uploads may be resumed, and how large they may be', async () => {
  const { origin } = await place()
  const response = await fetch(origin + xrpc.upload, { method: 'OPTIONS' })
  expect(response.headers.get('accept-patch')).toBe('application/partial-upload')
  expect(response.headers.get('upload-limit')).toBe('max-size=10485760')
})

test('over HTTP/2 an upload is offered to continue as well', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 10 * MiB } })
  const server = createHttp2Server(blobRouter(blobs, offering)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const head = {
    ...asAlice,
    'content-type': 'video/mp4',
    'content-length': String(all.length),
    'upload-complete': '?1',
  }
  const stream = client.request({ ':method': 'POST', ':path': xrpc.upload, ...head })
  const interim = once(stream, 'headers') as Promise<[Http2Headers]>
  const response = once(stream, 'response') as Promise<[Http2Headers]>
  stream.write(all.subarray(0, 1000))
  const [information] = await interim
  expect([information[':status'], information.location]).toEqual([104, expect.stringMatching(/\?upload=/)])
  stream.end(all.subarray(1000))
  const [final] = await response
  expect([final[':status'], final['upload-complete']]).toEqual([200, '?1'])
  stream.resume()
  await once(stream, 'end')
})
