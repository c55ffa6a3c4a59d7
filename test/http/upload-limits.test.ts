import { createServer, type RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { expect, test } from 'vitest'
import { blobRouter } from '../../src/express.ts'
import { type Authenticated, createBlobHandler } from '../../src/http.ts'
import { type BlobStore, blobGrants } from '../../src/index.ts'
import { files } from '../blob/samples.ts'
import { alice, asAlice, errorOf, jsonOf, openPlace, type Place, plain, xrpc } from './place.ts'
import { listen } from './servers.ts'

// What `authenticate` says a client may upload, over real connections and both adapters.

const png = files['image/png'] as Uint8Array
const mp4 = files['video/mp4'] as Uint8Array

type Limits = Exclude<Authenticated, Response | null>

const adapters: [name: string, listener: (blobs: BlobStore, authenticate: () => Limits) => RequestListener][] = [
  ['the router', (blobs, authenticate) => blobRouter(blobs, { authenticate })],
  [
    'the fetch handler',
    (blobs, authenticate) =>
      getRequestListener(createBlobHandler(blobs, { authenticate }), { overrideGlobalObjects: false }),
  ],
]

interface Uploader {
  place: Place
  post(limits: Omit<Limits, 'did'>, body: Uint8Array | ReadableStream, type?: string): Promise<Response>
}

async function uploader(listener: (typeof adapters)[0][1]): Promise<Uploader> {
  const place = await openPlace({ limits: { mimePolicy: 'sniffed' } })
  let allowed: Omit<Limits, 'did'> = {}
  const { origin } = await listen(createServer(listener(place.blobs, () => ({ did: alice, ...allowed }))))
  return {
    place,
    post(limits, body, type = 'image/png') {
      allowed = limits
      const headers = { ...asAlice, 'content-type': type }
      const content = body instanceof ReadableStream ? body : plain(body)
      return fetch(origin + xrpc.upload, { method: 'POST', headers, body: content, duplex: 'half' } as RequestInit)
    },
  }
}

async function expectNothing({ blobs, files }: Place): Promise<void> {
  expect(await files()).toEqual([])
  expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
}

// Fails when Content-Type is what is compared.
test.each(adapters)(
  '%s refuses a film that is sent as a picture to a client that may upload pictures',
  async (_name, listener) => {
    const { place, post } = await uploader(listener)
    expect(await errorOf(await post({ accept: ['image/*'] }, mp4))).toEqual([400, 'InvalidMimeType'])
    for (const scope of ['blob:image/*', 'atproto blob?accept=image/*&maxSize=1000000']) {
      expect(await errorOf(await post({ grants: blobGrants(scope) }, mp4))).toEqual([403, 'ScopeMissingError'])
    }
    await expectNothing(place)
    for (const limits of [{ accept: ['image/*'] }, { grants: blobGrants('blob:image/* blob:text/plain') }, {}]) {
      const response = await post(limits, png, 'image/*')
      expect(response.status).toBe(200)
      expect((await jsonOf(response)).blob.mimeType).toBe('image/png')
    }
  },
)

test.each(adapters)('%s refuses more bytes than the client may upload, announced or not', async (_name, listener) => {
  const { place, post } = await uploader(listener)
  const large = Buffer.concat([png, Buffer.alloc(3_000_000)])
  for (const maxSize of [100, 2_000_000]) {
    for (const body of [() => large, () => new Blob([large]).stream()]) {
      expect(await errorOf(await post({ maxSize }, body()))).toEqual([413, 'PayloadTooLarge'])
      const grants = blobGrants(`blob:image/*?maxSize=${maxSize}`)
      expect(await errorOf(await post({ grants }, body()))).toEqual([403, 'ScopeMissingError'])
    }
  }
  expect(await errorOf(await post({ quota: { bytes: 2_000_000 } }, large))).toEqual([400, 'QuotaExceeded'])
  await expectNothing(place)
})

test.each(adapters)('%s takes nothing from a client without a grant for blobs', async (_name, listener) => {
  const { place, post } = await uploader(listener)
  const response = await post({ grants: blobGrants('atproto repo:app.example.post') }, png)
  expect([response.status, await response.json()]).toEqual([
    403,
    { error: 'ScopeMissingError', message: 'The client may not upload blobs: it has no grant for blobs' },
  ])
  await expectNothing(place)
})

test('the message names what was granted, and what the bytes are', async () => {
  const { post } = await uploader((adapters[0] as (typeof adapters)[0])[1])
  const grants = blobGrants('blob?accept=image/*&accept=text/vtt&maxSize=1000 blob:audio/*')
  expect((await jsonOf(await post({ grants }, mp4))).message).toBe(
    `The client may not upload video/mp4 of ${mp4.length} bytes: it was granted image/*, text/vtt up to 1000 bytes; audio/*`,
  )
})

test('limits that authenticate gives by mistake are an error of the host, and nothing is stored', async () => {
  const { blobs, files } = await openPlace()
  const mistakes: unknown[] = [
    { accept: 'image/*' },
    { maxSize: '5' },
    { quota: 5 },
    { grants: 'blob:*/*' },
    { grants: null },
  ]
  for (const limits of mistakes as object[]) {
    const told: unknown[] = []
    const authenticate = () => ({ did: alice, ...limits })
    const handler = createBlobHandler(blobs, { authenticate, onError: (error) => told.push(error) })
    const response = await handler(new Request(`http://x${xrpc.upload}`, { method: 'POST', body: 'text' }))
    expect(await errorOf(response)).toEqual([500, 'InternalServerError'])
    expect(told).toEqual([expect.objectContaining({ cause: expect.objectContaining({ code: 'InvalidArgument' }) })])
  }
  expect(await files()).toEqual([])
})

test('what else a session of the host holds is not looked at', async () => {
  const { blobs } = await openPlace()
  const session = { did: alice, expired: false, scope: 'blob:image/*', handle: 'alice.example' }
  const handler = createBlobHandler(blobs, { authenticate: () => session })
  expect((await handler(new Request(`http://x${xrpc.upload}`, { method: 'POST', body: 'text' }))).status).toBe(200)
})
