import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import { describe, expect, test } from 'vitest'
import { type BlobStore, cidOfBytes, type UploadLimits } from '../../src/index.ts'
import { type TusRouterOptions, tusRouter } from '../../src/tus.ts'
import { alice, bob, bytesOf, errorOf, openPlace, plain } from '../http/place.ts'
import { dial, listen, until } from '../http/servers.ts'
import { hour } from '../support/samples.ts'
import { ask, begin, endpoint, offsetBytes, patch, routerOf, serveTus } from './place.ts'

// Request by request, as the specification says (tus.io/protocols/resumable-upload).

const asBob = { authorization: `Bearer ${bob}` }
const ofSize = (size: number) => ({ 'upload-length': String(size) })
const patchType = offsetBytes['content-type']
const encoded = (text: string) => Buffer.from(text).toString('base64')

test('OPTIONS names version, extensions and the largest size, without a token', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 1234 } })
  const { origin } = await serveTus(blobs)
  const { status, headers } = await fetch(origin + endpoint, { method: 'OPTIONS' })
  expect(status).toBe(204)
  expect(Object.fromEntries(headers)).toMatchObject({
    'tus-resumable': '1.0.0',
    'tus-version': '1.0.0',
    'tus-max-size': '1234',
    'tus-extension': 'creation,creation-with-upload,creation-defer-length,expiration,termination',
  })
})

test('an upload goes from creation to the blob, which HEAD and GET return too', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs)
  const bytes = bytesOf(100)
  const metadata = `filename ${encoded('ä.txt')},filetype ${encoded('text/x-own')},secret`
  const url = await begin(origin, { ...ofSize(100), 'upload-metadata': metadata })
  const fresh = await ask(url, 'HEAD')
  expect(fresh.status).toBe(200)
  expect(Object.fromEntries(fresh.headers)).toMatchObject({
    ...{ 'upload-offset': '0', 'upload-length': '100', 'cache-control': 'no-store', 'tus-resumable': '1.0.0' },
    'upload-metadata': metadata,
  })
  const expires = Date.parse(fresh.headers.get('upload-expires') ?? '')
  expect(expires).toBeGreaterThan(Date.now() + 23 * hour)
  expect(fresh.headers.get('atproto-blob')).toBeNull()

  const first = await patch(url, 0, bytes.subarray(0, 60))
  expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '60'])
  expect(await (await ask(url, 'GET')).json()).toMatchObject({ offset: 60, size: 100, blob: null })
  const last = await patch(url, 60, bytes.subarray(60))
  const blob = { $type: 'blob', ref: { $link: cidOfBytes(bytes) }, mimeType: 'text/x-own', size: 100 }
  expect([last.status, last.headers.get('upload-offset')]).toEqual([204, '100'])
  expect(JSON.parse(last.headers.get('atproto-blob') ?? '')).toEqual(blob)
  const seen = await ask(url, 'HEAD')
  expect(JSON.parse(seen.headers.get('atproto-blob') ?? '')).toEqual(blob)
  expect(seen.headers.get('upload-expires')).toBeNull()
  expect(await (await ask(url, 'GET')).json()).toMatchObject({ offset: 100, size: 100, blob })
})

test('a wrong offset is refused by 409 and changes nothing', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs)
  const url = await begin(origin, ofSize(100))
  await patch(url, 0, bytesOf(10))
  for (const offset of [0, 9, 11, 100]) {
    expect(await errorOf(await patch(url, offset, bytesOf(5))), String(offset)).toEqual([409, 'UploadOffsetMismatch'])
  }
  expect((await ask(url, 'HEAD')).headers.get('upload-offset')).toBe('10')
})

test("another account's upload is as one that never was", async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs)
  const url = await begin(origin, ofSize(100))
  const none = `${origin}${endpoint}/${'a'.repeat(26)}`
  const answers = async (one: string, method: string) => {
    const response = await ask(
      one,
      method,
      { ...offsetBytes, 'upload-offset': '0', ...asBob },
      method === 'PATCH' ? 'x' : null,
    )
    const { date: _, ...headers } = Object.fromEntries(response.headers)
    return [response.status, headers, await response.text()]
  }
  for (const method of ['HEAD', 'GET', 'PATCH', 'DELETE']) {
    expect(await answers(url, method), method).toEqual(await answers(none, method))
  }
  expect((await answers(url, 'HEAD'))[0]).toBe(404)
  expect((await ask(url, 'HEAD')).headers.get('upload-offset')).toBe('0')
})

test('an upload that has expired is not found', async () => {
  const { blobs } = await openPlace({ times: { resumable: 1000 } })
  const { origin } = await serveTus(blobs)
  const url = await begin(origin, ofSize(100))
  await until(async () => (await ask(url, 'HEAD')).status === 404, 'the upload expires')
  expect(await errorOf(await patch(url, 0, 'x'))).toEqual([404, 'UploadNotFound'])
})

describe('it refuses', () => {
  const refused = async (headers: Record<string, string>) => {
    const { blobs } = await openPlace()
    const { origin } = await serveTus(blobs)
    return await errorOf(await ask(origin + endpoint, 'POST', headers))
  }
  const invalid = [400, 'InvalidRequest']

  test.each([
    ['no size', {}],
    ['a part of an upload that is concatenated', { ...ofSize(1), 'upload-concat': 'partial' }],
    ['two sizes', { ...ofSize(1), 'upload-defer-length': '1' }],
    ['a size that is no number', { 'upload-length': '-1' }],
    ['a deferred size that is not 1', { 'upload-defer-length': '2' }],
    ['metadata that are not base64', { ...ofSize(1), 'upload-metadata': 'name ä' }],
    ['metadata that are too long', { ...ofSize(1), 'upload-metadata': `name ${'YQ'.repeat(3000)}` }],
    ['metadata of three words', { ...ofSize(1), 'upload-metadata': 'name YQ== YQ==' }],
    ['a CID that is none', { ...ofSize(1), 'upload-metadata': `cid ${encoded('x')}` }],
  ])('%s', async (_name, headers) => {
    expect(await refused(headers as Record<string, string>)).toEqual(invalid)
  })

  test('another version of the protocol, and says which it has', async () => {
    const { blobs } = await openPlace()
    const { origin } = await serveTus(blobs)
    const response = await ask(origin + endpoint, 'POST', { ...ofSize(1), 'tus-resumable': '0.2.2' })
    expect([response.status, response.headers.get('tus-version')]).toEqual([412, '1.0.0'])
  })

  test('bytes of another content type, or without an offset', async () => {
    const { blobs } = await openPlace()
    const { origin } = await serveTus(blobs)
    const url = await begin(origin, ofSize(5))
    expect(await errorOf(await patch(url, 0, 'x', { 'content-type': 'text/plain' }))).toEqual([
      415,
      'UnsupportedMediaType',
    ])
    expect(await errorOf(await ask(url, 'PATCH', offsetBytes, 'x'))).toEqual(invalid)
  })

  test('more bytes than were announced, and an other size than before', async () => {
    const { blobs } = await openPlace()
    const { origin } = await serveTus(blobs)
    const url = await begin(origin, ofSize(5))
    expect(await errorOf(await patch(url, 0, '123456'))).toEqual([400, 'InvalidSize'])
    expect(await errorOf(await patch(url, 0, '1', ofSize(6)))).toEqual([400, 'InvalidSize'])
    const deferred = await begin(origin, { 'upload-defer-length': '1' })
    await patch(deferred, 0, '123')
    expect(await errorOf(await patch(deferred, 3, '', ofSize(2)))).toEqual([400, 'InvalidSize'])
    expect((await patch(deferred, 3, '', ofSize(3))).headers.get('atproto-blob')).not.toBeNull()
  })

  test('other methods, and says which there are', async () => {
    const { blobs } = await openPlace()
    const { origin } = await serveTus(blobs)
    const response = await ask(origin + endpoint, 'PUT')
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
    const url = await begin(origin, ofSize(5))
    expect((await ask(url, 'POST')).headers.get('allow')).toBe('HEAD, GET, PATCH, DELETE, OPTIONS')
  })

  test('a body that a parser has read, in words for the host', async () => {
    const { blobs } = await openPlace()
    const seen: unknown[] = []
    const app = express().use(
      express.raw({ type: '*/*' }),
      routerOf(blobs, { onError: (error) => void seen.push(error) }),
    )
    const { origin } = await listen(createServer(app))
    const url = await begin(origin, ofSize(5))
    const response = await patch(url, 0, '12345')
    expect(response.status).toBe(500)
    expect(((await response.json()) as { message: string }).message).toContain('mount tusRouter before')
    expect(seen).toHaveLength(1)
  })

  test.each<[string, object]>([
    ['no path', {}],
    ['a path without a slash', { path: 'upload' }],
    ['a path with one at its end', { path: '/upload/' }],
    ['an unknown option', { path: '/upload', chunk: 5 }],
    ['CORS for public methods', { path: '/upload', cors: 'public' }],
  ])('as an option: %s', async (_name, options) => {
    const { blobs } = await openPlace()
    const authenticate = () => null
    const make = () => tusRouter(blobs, { authenticate, ...options } as unknown as TusRouterOptions)
    expect(make).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
  })
})

test('networks that let only POST through use X-HTTP-Method-Override', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs)
  const url = await begin(origin, ofSize(5))
  const headers = { ...offsetBytes, 'upload-offset': '0', 'x-http-method-override': 'PATCH' }
  expect((await ask(url, 'POST', headers, '12345')).status).toBe(204)
  expect((await ask(url, 'POST', { 'x-http-method-override': 'DELETE' })).status).toBe(204)
})

test('pages of other origins may upload and read every header, unless the host does it', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs)
  const preflight = await fetch(`${origin}${endpoint}/x`, { method: 'OPTIONS' })
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH, DELETE')
  expect(preflight.headers.get('access-control-allow-headers')).toBe('*, authorization')
  const created = await ask(origin + endpoint, 'POST', ofSize(5))
  expect(created.headers.get('access-control-allow-origin')).toBe('*')
  expect(created.headers.get('access-control-expose-headers')).toBe('*')
  const own = await serveTus(blobs, { cors: 'none' })
  expect((await ask(own.origin + endpoint, 'POST', ofSize(5))).headers.has('access-control-allow-origin')).toBe(false)
})

test('other paths go on to the next handler', async () => {
  const { blobs } = await openPlace()
  const app = express().use(routerOf(blobs), (_req, res) => void res.send('next'))
  const { origin } = await listen(createServer(app))
  for (const path of ['/', '/uploads', '/x/upload', '/upload/../x']) {
    expect(await (await fetch(origin + path)).text(), path).toBe('next')
  }
})

test('a first request that is cut leaves no upload, because its address is not known', async () => {
  const { blobs } = await openPlace()
  const { port } = await serveTus(blobs)
  const wire = await dial(port)
  const lines = ['POST /upload HTTP/1.1', 'Host: a', `Authorization: Bearer ${alice}`, 'Tus-Resumable: 1.0.0']
  const body = ['Upload-Length: 1000', 'Content-Type: application/offset+octet-stream', 'Content-Length: 1000']
  wire.socket.write(`${[...lines, ...body].join('\r\n')}\r\n\r\n12345`)
  await until(async () => (await blobs.usage(alice)).reserved === 1000, 'the upload begins')
  wire.socket.destroy()
  await until(async () => (await blobs.usage(alice)).reserved === 0, 'the upload is given up')
})

test('a creation whose client has left leaves no upload, because its address is not known', async () => {
  const { blobs } = await openPlace()
  const left = Promise.withResolvers<void>()
  const { resumable } = blobs
  const create: typeof resumable.create = async (did, options) => {
    const begun = await resumable.create(did, options)
    left.resolve()
    await once(options?.signal as AbortSignal, 'abort')
    return begun
  }
  const late: BlobStore = Object.assign(Object.create(blobs), { resumable: { ...resumable, create } })
  const { port } = await serveTus(late)
  const wire = await dial(port)
  const lines = ['POST /upload HTTP/1.1', 'Host: a', `Authorization: Bearer ${alice}`, 'Tus-Resumable: 1.0.0']
  wire.socket.write(`${lines.join('\r\n')}\r\nUpload-Length: 1000\r\n\r\n`)
  await left.promise
  expect((await blobs.usage(alice)).reserved).toBe(1000)
  wire.socket.destroy()
  await until(async () => (await blobs.usage(alice)).reserved === 0, 'the upload is given up')
})

test('bytes that are refused for good end the upload, and its place is free', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 100, uploads: { resumable: 1 } } })
  const { origin } = await serveTus(blobs)
  await blobs.purge(alice, cidOfBytes(Buffer.from('bad')))
  const refused = async (headers: Record<string, string>, bytes: string) => {
    const url = await begin(origin, headers)
    const answer = await errorOf(await patch(url, 0, bytes))
    expect((await ask(url, 'HEAD')).status).toBe(404)
    return answer
  }
  const deferred = { 'upload-defer-length': '1' }
  expect(await refused(deferred, 'x'.repeat(101))).toEqual([413, 'PayloadTooLarge'])
  expect(await refused(ofSize(5), 'bad')).toEqual([400, 'BlobTakenDown'])
})

test('too many unfinished uploads are refused in words that say what to do, and not to wait a second', async () => {
  const { blobs } = await openPlace({ limits: { uploads: { resumable: 1 } } })
  const { origin } = await serveTus(blobs)
  const url = await begin(origin, ofSize(5))
  const response = await ask(origin + endpoint, 'POST', ofSize(5))
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, null])
  expect(await response.json()).toMatchObject({ message: expect.stringContaining('finish or abort one') })
  await ask(url, 'DELETE')
  await begin(origin, ofSize(5))
})

describe('423 tells a client to ask for the offset and continue:', () => {
  /** Sends a PATCH that stays without its end. */
  const begun = async (port: number, url: string) => {
    const wire = await dial(port)
    const lines = [`PATCH ${new URL(url).pathname} HTTP/1.1`, 'Host: a', `Authorization: Bearer ${alice}`]
    const more = ['Tus-Resumable: 1.0.0', 'Upload-Offset: 0', 'Content-Length: 100', `Content-Type: ${patchType}`]
    wire.socket.write(`${[...lines, ...more].join('\r\n')}\r\n\r\n12345`)
    return wire
  }

  test('when another request continues the upload', async () => {
    const { blobs } = await openPlace()
    const { origin, port } = await serveTus(blobs)
    const url = await begin(origin, ofSize(100))
    const wire = await begun(port, url)
    await until(async () => (await ask(url, 'HEAD')).headers.get('upload-offset') === '5', 'the bytes are kept')
    await until(() => wire.received().includes('UploadInterrupted'), 'the first request is answered')
    expect(wire.received()).toMatch(/^HTTP\/1.1 423 /)
  })

  test('when it sent nothing for too long', async () => {
    const { blobs } = await openPlace({ times: { idle: 200 } })
    const { origin, port } = await serveTus(blobs)
    const url = await begin(origin, ofSize(100))
    const wire = await begun(port, url)
    await until(() => wire.received().includes('UploadTimeout'), 'the request is answered')
    expect(wire.received()).toMatch(/^HTTP\/1.1 423 /)
    expect((await ask(url, 'HEAD')).headers.get('upload-offset')).toBe('5')
  })
})

describe('when the last step fails', () => {
  test('for a while, HEAD says 423 and tells the host, and stores the blob when it can', async () => {
    let failing = true
    const seen: unknown[] = []
    const { blobs } = await openPlace()
    blobs.setHooks({
      inspect: async () => {
        if (failing) throw new Error('the scanner is away')
        return undefined
      },
    })
    const { origin } = await serveTus(blobs, { onError: (error) => void seen.push(error) })
    const bytes = bytesOf(50)
    const url = await begin(origin, ofSize(50))
    expect((await patch(url, 0, plain(bytes))).status).toBe(503)
    const head = await ask(url, 'HEAD')
    expect([head.status, head.headers.get('retry-after')]).toEqual([423, '1'])
    expect(seen).toHaveLength(2)
    expect(seen[1]).toMatchObject({ code: 'InspectionFailed' })
    failing = false
    const blob = (await ask(url, 'HEAD')).headers.get('atproto-blob') ?? ''
    expect(JSON.parse(blob).ref.$link).toBe(cidOfBytes(bytes))
  })

  test('a request that only asks ends nothing by its own limits', async () => {
    const { blobs } = await openPlace()
    let failing = true
    blobs.setHooks({
      inspect: async () => {
        if (failing) throw new Error('the scanner is away')
        return undefined
      },
    })
    let limits: UploadLimits = {}
    const { origin } = await serveTus(blobs, { authenticate: () => ({ did: alice, ...limits }) })
    const url = await begin(origin, ofSize(50))
    await patch(url, 0, plain(bytesOf(50)))
    failing = false
    for (const narrow of [{ grants: [] }, { accept: ['image/*'] }, { maxSize: 10 }]) {
      limits = narrow
      expect((await ask(url, 'HEAD')).status, JSON.stringify(narrow)).toBeGreaterThan(399)
      expect((await ask(url, 'GET')).status).not.toBe(404)
    }
    limits = {}
    expect((await ask(url, 'HEAD')).headers.get('atproto-blob')).not.toBeNull()
  })

  test('for good, the upload is gone', async () => {
    const { blobs } = await openPlace({ limits: { accept: ['image/*'] } })
    const { origin } = await serveTus(blobs)
    const url = await begin(origin, { ...ofSize(3), 'upload-metadata': `filetype ${encoded('text/plain')}` })
    expect(await errorOf(await patch(url, 0, 'abc'))).toEqual([400, 'InvalidMimeType'])
    expect((await ask(url, 'HEAD')).status).toBe(404)
  })
})

test('invalid limits of authenticate are the host’s error', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs, { authenticate: () => ({ did: alice, maxSize: -1 }) })
  expect((await ask(origin + endpoint, 'POST', ofSize(1))).status).toBe(500)
})
