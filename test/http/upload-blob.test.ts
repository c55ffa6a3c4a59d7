import { expect, test, vi } from 'vitest'
import { type BlobHandlerOptions, createBlobHandler, XrpcError } from '../../src/http.ts'
import { type BlobStore, cidOfBytes, parseBlobRef } from '../../src/index.ts'
import { alice, asAlice, type Body, bytesOf, errorOf, jsonOf, openPlace, plain, tokens, xrpc } from './place.ts'

function uploader(blobs: BlobStore, options: Partial<BlobHandlerOptions> = {}) {
  const handler = createBlobHandler(blobs, { ...tokens, ...options })
  return (body: NonNullable<Body> | null, headers: Record<string, string> = {}) =>
    handler(
      new Request(`http://pds.example${xrpc.upload}`, { method: 'POST', headers: { ...asAlice, ...headers }, body }),
    )
}

test('an upload returns the reference that a record then contains', async () => {
  const { blobs } = await openPlace()
  const bytes = bytesOf(1000)
  const response = await uploader(blobs)(plain(bytes), { 'content-type': 'image/png' })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const { blob } = await jsonOf(response)
  expect(blob).toEqual({ $type: 'blob', ref: { $link: cidOfBytes(bytes) }, mimeType: 'image/png', size: 1000 })
  expect(parseBlobRef(blob)).toBeTruthy()
})

test('a request without a body uploads the empty blob', async () => {
  const { blobs } = await openPlace()
  const { blob } = await jsonOf(await uploader(blobs)(null, { 'content-type': 'image/png' }))
  expect(blob.size).toBe(0)
})

test('the declared type is used without its parameters; a pattern, and an invalid type, declare none', async () => {
  const { blobs } = await openPlace()
  const typeOf = async (type: string) => {
    const body = await jsonOf(await uploader(blobs)(plain(bytesOf(10)), { 'content-type': type }))
    return body.blob?.mimeType ?? body.error
  }
  expect(await typeOf('Image/PNG; a=b')).toBe('image/png')
  expect(await typeOf('*/*')).toBe('application/octet-stream')
  expect(await typeOf('image/*')).toBe('application/octet-stream')
  for (const none of [
    'nonsense',
    'undefined',
    '',
    ';',
    'image/',
    'image/png, image/png',
    `image/${'x'.repeat(2000)}`,
  ]) {
    expect(await typeOf(none), none.slice(0, 20)).toBe('application/octet-stream')
  }
  expect(await typeOf('image/svg+xml; charset="')).toBe('image/svg+xml')
})

test('a form is refused before a byte is read, with a message that says what to send', async () => {
  const { blobs, files } = await openPlace()
  for (const type of ['multipart/form-data; boundary=x', 'Multipart/Form-Data']) {
    const response = await uploader(blobs)('--x', { 'content-type': type })
    expect([response.status, (await jsonOf(response)).message]).toEqual([
      415,
      'A form (multipart/form-data) is not supported: send the bytes of the file alone as the body, and its type as Content-Type',
    ])
  }
  expect(await files()).toEqual([])
})

test('an unauthenticated client cannot upload', async () => {
  const { blobs, files } = await openPlace()
  const handler = createBlobHandler(blobs, tokens)
  const post = (headers: Record<string, string>) =>
    handler(new Request(`http://pds.example${xrpc.upload}`, { method: 'POST', headers, body: 'text' }))
  const missing = await post({})
  expect(missing.headers.get('www-authenticate')).toBe('Bearer')
  expect(await errorOf(missing)).toEqual([401, 'AuthMissing'])
  expect(await errorOf(await post({ authorization: 'Bearer nonsense' }))).toEqual([401, 'AuthenticationRequired'])
  expect(await files()).toEqual([])
})

test("the host's own refusal is passed on, returned or thrown, with the security headers", async () => {
  const { blobs } = await openPlace()
  const own = () =>
    Response.json({ error: 'UseDpopNonce' }, { status: 401, headers: { 'dpop-nonce': 'n', 'x-a': 'b' } })
  const refusals: BlobHandlerOptions['authenticate'][] = [
    () => own(),
    () => {
      throw own()
    },
    async () => Promise.reject(own()),
  ]
  for (const authenticate of refusals) {
    const response = await uploader(blobs, { authenticate })('text')
    expect(response.headers.get('dpop-nonce')).toBe('n')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await errorOf(response)).toEqual([401, 'UseDpopNonce'])
  }
  const authenticate = () => {
    throw new XrpcError(400, 'ExpiredToken', 'Token has expired', { 'retry-after': '0' })
  }
  const response = await uploader(blobs, { authenticate })('text')
  expect(response.headers.get('retry-after')).toBe('0')
  expect(await errorOf(response)).toEqual([400, 'ExpiredToken'])
})

test('an authenticate that fails is a server error, with no details for the client', async () => {
  const { blobs, files } = await openPlace()
  const mistakes: unknown[] = [
    () => Promise.reject(new Error('/etc/secret cannot be read')),
    () => ({ did: 'alice' }),
    () => ({}),
    () => undefined,
    () => Response.error(),
    () => Promise.reject(new XrpcError(200, 'Fine', 'not an error')),
  ]
  for (const authenticate of mistakes as BlobHandlerOptions['authenticate'][]) {
    const errors: unknown[] = []
    const response = await uploader(blobs, { authenticate, onError: (error) => errors.push(error) })('text')
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ error: 'InternalServerError', message: 'Internal Server Error' })
    expect(errors).toHaveLength(1)
  }
  expect(await files()).toEqual([])
})

test('any encoding except identity is refused before a byte is read', async () => {
  const { blobs, files } = await openPlace()
  const upload = uploader(blobs)
  const stacked = Array.from({ length: 64 }, () => 'gzip').join(', ')
  for (const coding of ['gzip', 'br', 'deflate', 'identity, gzip', 'x', stacked]) {
    const body = new ReadableStream(
      {
        pull() {
          throw new Error('read')
        },
      },
      { highWaterMark: 0 },
    )
    const request = new Request(`http://x${xrpc.upload}`, {
      method: 'POST',
      headers: { ...asAlice, 'content-encoding': coding },
      body,
      duplex: 'half',
    } as RequestInit)
    expect(await errorOf(await createBlobHandler(blobs, tokens)(request))).toEqual([415, 'UnsupportedMediaType'])
  }
  expect(await errorOf(await upload('text', { 'transfer-encoding': 'gzip, chunked' }))).toEqual([
    415,
    'UnsupportedMediaType',
  ])
  for (const none of ['Identity', '', ' ', ',', 'identity, identity', ', identity,']) {
    expect((await upload('text', { 'content-encoding': none })).status, none).toBe(200)
  }
  expect(await files()).toHaveLength(6)
})

test('the limit is inclusive, and above it nothing is stored, whether the size is declared or not', async () => {
  const { blobs, files } = await openPlace({ limits: { maxBlobSize: 1000 } })
  const upload = uploader(blobs)
  const streamed = (size: number) => new Blob([plain(bytesOf(size))]).stream()
  const post = (body: ReadableStream) =>
    createBlobHandler(
      blobs,
      tokens,
    )(new Request(`http://x${xrpc.upload}`, { method: 'POST', headers: asAlice, body, duplex: 'half' } as RequestInit))
  expect(await errorOf(await upload(plain(bytesOf(1001)), { 'content-length': '1001' }))).toEqual([
    413,
    'PayloadTooLarge',
  ])
  expect(await errorOf(await post(streamed(1001)))).toEqual([413, 'PayloadTooLarge'])
  expect(await files()).toEqual([])
  for (const size of [0, 999, 1000]) expect((await post(streamed(size))).status).toBe(200)
})

test('a declared size above the limit is refused before the store is called', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 1000 } })
  let asked = 0
  const upload: typeof blobs.upload = (...args) => {
    asked++
    return blobs.upload(...args)
  }
  const post = uploader({ ...blobs, upload })
  expect((await post(plain(bytesOf(1001)), { 'content-length': '1001' })).status).toBe(413)
  expect(asked).toBe(0)
  expect((await post(plain(bytesOf(1000)), { 'content-length': '1000' })).status).toBe(200)
  expect(asked).toBe(1)
})

// Fails when the response's body ends before the client's (`refusalBody` that closes in `start`).
test('a response to a client that is still sending ends when the client does', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 100_000 } })
  let end = () => {}
  let sent = 0
  const body = new ReadableStream(
    {
      pull(controller) {
        if (sent++ < 300) return controller.enqueue(new Uint8Array(10_000))
        return new Promise<void>((resolve) => {
          end = () => {
            controller.close()
            resolve()
          }
        })
      },
    },
    { highWaterMark: 0 },
  )
  const init = { method: 'POST', headers: { ...asAlice, host: 'x' }, body, duplex: 'half' } as RequestInit
  const response = await createBlobHandler(blobs, tokens)(new Request(`http://x${xrpc.upload}`, init))
  expect([response.status, response.headers.get('connection')]).toEqual([413, 'close'])
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
  const { value } = await reader.read()
  expect(Number(response.headers.get('content-length'))).toBe(value?.byteLength)
  let ended = false
  const last = reader.read().then(({ done }) => (ended = done))
  await vi.waitUntil(() => sent > 300)
  expect(ended).toBe(false)
  end()
  expect(await last).toBe(true)
})

test('a response ends at the timeout too, and the body is cancelled, when the client never ends or is silent', async () => {
  for (const silent of [false, true]) {
    const { blobs } = await openPlace({ limits: { maxBlobSize: 100_000 }, times: { idle: 100 } })
    let sent = 0
    let cancelled = 0
    const pull = (controller: ReadableStreamDefaultController) => {
      if (silent && sent++ > 100) return new Promise<void>(() => {})
      return controller.enqueue(new Uint8Array(10_000))
    }
    const body = new ReadableStream({ pull, cancel: () => void cancelled++ }, { highWaterMark: 0 })
    const init = { method: 'POST', headers: asAlice, body, duplex: 'half' } as RequestInit
    const response = await createBlobHandler(blobs, tokens)(new Request(`http://x${xrpc.upload}`, init))
    expect(response.headers.get('connection')).toBeNull() // of HTTP/2, which has no Host
    expect(await errorOf(response)).toEqual([413, 'PayloadTooLarge'])
    await vi.waitUntil(() => cancelled === 1)
  }
})

test('a client that disconnects ends the response at once, and one whose body was read to its end keeps its connection', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 1000, mimePolicy: 'declared', accept: ['image/*'] } })
  let cancelled = 0
  const body = new ReadableStream({ pull: () => new Promise<void>(() => {}), cancel: () => void cancelled++ })
  const handler = createBlobHandler(blobs, tokens)
  const post = (init: object) => handler(new Request(`http://x${xrpc.upload}`, { method: 'POST', ...init }))
  const response = await post({ body, duplex: 'half' })
  expect(response.status).toBe(401)
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
  await reader.read()
  const last = reader.read()
  await new Promise((resolve) => setTimeout(resolve, 50)) // the client's body is being read by then
  await reader.cancel()
  expect((await last).done).toBe(true)
  await vi.waitUntil(() => cancelled === 1)

  const headers = { ...asAlice, host: 'x', 'content-type': 'text/plain' }
  const whole = await post({ body: 'text', headers })
  expect([whole.status, whole.headers.get('connection')]).toEqual([400, null])
})

test('a size that is not a number of bytes, or wrong, is refused', async () => {
  const { blobs, files } = await openPlace()
  const upload = uploader(blobs)
  for (const length of ['4 bytes', '+4', '-4', '0x4', '4.0', '1e0', '4, 4', '0000000000000004', 'NaN']) {
    expect(await errorOf(await upload('text', { 'content-length': length })), length).toEqual([400, 'InvalidRequest'])
  }
  for (const length of ['3', '5', '0']) {
    expect(await errorOf(await upload('text', { 'content-length': length })), length).toEqual([400, 'InvalidSize'])
  }
  expect(await files()).toEqual([])
  expect((await upload('text', { 'content-length': '0004' })).status).toBe(200)
})

test('an upload whose body fails half-way gets a response, and leaves nothing', async () => {
  const { blobs, files } = await openPlace()
  let chunks = 0
  const body = new ReadableStream({
    pull(controller) {
      if (++chunks < 30) controller.enqueue(bytesOf(100_000))
      else controller.error(new Error('gone'))
    },
  })
  const init = { method: 'POST', headers: asAlice, body, duplex: 'half' } as RequestInit
  const response = await createBlobHandler(blobs, tokens)(new Request(`http://x${xrpc.upload}`, init))
  expect(response.status).toBe(400)
  expect(await files()).toEqual([])
  expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0, reserved: 0 })
})

test.each(['takedown', 'purge'] as const)('after a %s the same bytes cannot be uploaded again', async (how) => {
  const { blobs } = await openPlace()
  const bytes = bytesOf(10)
  await blobs[how](alice, cidOfBytes(bytes))
  expect(await errorOf(await uploader(blobs)(plain(bytes)))).toEqual([400, 'BlobTakenDown'])
})
