import { createServer } from 'node:http'
import express from 'express'
import { Upload } from 'tus-js-client'
import { describe, expect, test } from 'vitest'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { alice, asAlice, bytesOf, openPlace } from '../http/place.ts'
import { listen } from '../http/servers.ts'
import { CuttingProxy } from '../support/cutting-proxy.ts'
import { answerIn, hosts, routerOf, send, serveTus } from './place.ts'

// With tus-js-client, the client of the protocol's authors.

const MiB = 1024 * 1024

/** Uploads until `watch` calls `pause`; resolves with the upload's address. */
function sendUntil(
  origin: string,
  bytes: Uint8Array,
  watch: (upload: Upload, pause: () => void) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const begin = (upload: Upload): void =>
      watch(upload, () => {
        void upload.abort()
        resolve(upload.url ?? '')
      })
    send(origin, bytes, { chunkSize: MiB }, begin).then(() => reject(new Error('it was not paused')), reject)
  })
}

const read = async (blobs: BlobStore, cid: string) => (await blobs.read(alice, cid, { as: 'account' })).bytes()

describe.each(Object.entries(hosts))('tus-js-client on %s', (_name, serverOf) => {
  test('uploads a file in pieces, and gets the blob with the last', async () => {
    const { blobs } = await openPlace()
    const { origin } = await listen(serverOf(blobs))
    const bytes = bytesOf(3 * MiB + 5)
    const seen: number[] = []
    const metadata = { filename: 'a.bin', filetype: 'application/x-own' }
    const sent = await send(origin, bytes, { chunkSize: MiB, metadata, onProgress: (at) => void seen.push(at) })
    expect(sent.requests).toEqual(['POST 201', 'PATCH 204', 'PATCH 204', 'PATCH 204', 'PATCH 204'])
    const mimeType = 'application/x-own'
    expect(sent.blob).toEqual({ $type: 'blob', ref: { $link: cidOfBytes(bytes) }, mimeType, size: bytes.length })
    expect(sent.url).toMatch(/\/upload\/[a-z2-7]{26}$/)
    expect(seen.at(-1)).toBe(bytes.length)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(Buffer.compare(await read(blobs, sent.blob.ref.$link), bytes)).toBe(0)
    expect(await blobs.usage(alice)).toMatchObject({ count: 1, bytes: bytes.length, reserved: 0 })
  })
})

test('below a prefix, uploads are addressed there', async () => {
  const { blobs } = await openPlace()
  const { origin } = await listen(createServer(express().use('/api', routerOf(blobs))))
  const { url, blob } = await send(`${origin}/api`, bytesOf(10))
  expect(url).toMatch(/\/api\/upload\/[a-z2-7]{26}$/)
  expect(blob.size).toBe(10)
})

test('an empty file, and one that is sent with the first request, are stored by it', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs)
  const empty = await send(origin, new Uint8Array())
  expect(empty).toMatchObject({ requests: ['POST 201'], blob: { size: 0 } })
  const bytes = bytesOf(100_000)
  const whole = await send(origin, bytes, { uploadDataDuringCreation: true })
  expect(whole).toMatchObject({ requests: ['POST 201'], blob: { ref: { $link: cidOfBytes(bytes) } } })
})

test('a file whose size is known only at its end is stored, also when that last request is cut', async () => {
  const { blobs } = await openPlace()
  const { port } = await serveTus(blobs)
  await using proxy = await CuttingProxy.start(port)
  const bytes = bytesOf(3 * MiB)
  proxy.cutAfter = () => (proxy.cut === 0 ? 2.5 * MiB : null) // in the last piece, which says the size
  const sent = await send(proxy.origin, bytes, { uploadLengthDeferred: true, chunkSize: 1.5 * MiB })
  expect(proxy.cut).toBe(1)
  expect(sent.blob.ref.$link).toBe(cidOfBytes(bytes))
})

test('after 20 cut connections every byte is right, and none was sent in vain', async () => {
  const { blobs } = await openPlace()
  const { port } = await serveTus(blobs)
  await using proxy = await CuttingProxy.start(port)
  const bytes = bytesOf(5 * MiB)
  let passed = 0
  proxy.cutAfter = () => {
    const next = proxy.cut < 20 ? 200_000 + ((proxy.cut * 7919) % 50_000) : null
    passed += next ?? 0
    return next
  }
  const sent = await send(proxy.origin, bytes)
  expect(proxy.cut).toBe(20)
  expect(sent.blob.ref.$link).toBe(cidOfBytes(bytes))
  expect(Buffer.compare(await read(blobs, sent.blob.ref.$link), bytes)).toBe(0)
  // What arrived before each cut counts: otherwise 20 requests of 225 kB would not come far in 5 MiB.
  expect(passed).toBeGreaterThan(4_000_000)
  expect(sent.requests.filter((one) => one === 'PATCH 204')).toHaveLength(1)
})

test('a paused upload continues where it was', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 10 * MiB } })
  const { origin } = await serveTus(blobs)
  const bytes = bytesOf(6 * MiB)
  const uploadUrl = await sendUntil(origin, bytes, (upload, pause) => {
    upload.options.onChunkComplete = (_size, accepted) => {
      if (accepted >= 2 * MiB) pause()
    }
  })
  const seen: number[] = []
  const onChunkComplete = (_size: number, at: number) => void seen.push(at)
  const sent = await send(origin, bytes, { uploadUrl, chunkSize: MiB, onChunkComplete })
  expect(sent.requests[0]).toBe('HEAD 200')
  expect(seen[0]).toBeGreaterThanOrEqual(3 * MiB)
  expect(sent.blob.ref.$link).toBe(cidOfBytes(bytes))
})

test('two clients that send one upload at once both end with the blob', async () => {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 10 * MiB } })
  const { origin } = await serveTus(blobs)
  const bytes = bytesOf(8 * MiB)
  const uploadUrl = await sendUntil(origin, bytes, (upload, pause) => {
    upload.options.onUploadUrlAvailable = pause
  })
  const both = await Promise.all([0, 1].map(() => send(origin, bytes, { uploadUrl, chunkSize: MiB })))
  for (const { blob } of both) expect(blob.ref.$link).toBe(cidOfBytes(bytes))
  expect(await blobs.usage(alice)).toMatchObject({ count: 1, bytes: bytes.length, reserved: 0 })
})

test('a client that lost the last response gets the blob when it asks again', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serveTus(blobs)
  const bytes = bytesOf(1000)
  const { url, blob } = await send(origin, bytes)
  const again = await send(origin, bytes, { uploadUrl: url })
  expect(again).toEqual({ blob, url, requests: ['HEAD 200'] })
})

describe('limits reach the client, by their errors:', () => {
  const refusal = async (origin: string, bytes: Uint8Array, metadata: Record<string, string> = {}) =>
    answerIn(await send(origin, bytes, { metadata }).catch((error) => error))

  test('size, before a byte is sent', async () => {
    const { blobs } = await openPlace({ limits: { maxBlobSize: 1000 } })
    const { origin } = await serveTus(blobs)
    expect(await refusal(origin, bytesOf(1001))).toEqual([413, 'PayloadTooLarge'])
    expect((await send(origin, bytesOf(1000))).blob.size).toBe(1000)
  })

  test('size, when it is known only at the end', async () => {
    const { blobs } = await openPlace({ limits: { maxBlobSize: 1000 } })
    const { origin } = await serveTus(blobs)
    const sending = send(origin, bytesOf(1001), { uploadLengthDeferred: true, chunkSize: 600 })
    expect(answerIn(await sending.catch((error) => error))).toEqual([413, 'PayloadTooLarge'])
  })

  test('quota', async () => {
    const { blobs } = await openPlace({ limits: { quota: { bytes: 1000 } } })
    const { origin } = await serveTus(blobs)
    expect(await refusal(origin, bytesOf(1001))).toEqual([400, 'QuotaExceeded'])
  })

  test('type', async () => {
    const { blobs } = await openPlace({ limits: { accept: ['image/*'] } })
    const { origin } = await serveTus(blobs)
    expect(await refusal(origin, bytesOf(10), { filetype: 'text/plain' })).toEqual([400, 'InvalidMimeType'])
    expect((await blobs.usage(alice)).reserved).toBe(0)
  })

  test('a CID that the bytes do not have', async () => {
    const { blobs } = await openPlace()
    const { origin } = await serveTus(blobs)
    expect(await refusal(origin, bytesOf(10), { cid: cidOfBytes(bytesOf(11)) })).toEqual([400, 'InvalidRequest'])
    const right = bytesOf(12)
    expect((await send(origin, right, { metadata: { cid: cidOfBytes(right) } })).blob.size).toBe(12)
  })

  test('what this client was granted', async () => {
    const { blobs } = await openPlace()
    const authenticate = () => ({ did: alice, maxSize: 5 })
    const { origin } = await serveTus(blobs, { authenticate })
    expect(await refusal(origin, bytesOf(6))).toEqual([413, 'PayloadTooLarge'])
  })

  test('no account', async () => {
    const { blobs } = await openPlace()
    const { origin } = await serveTus(blobs, { authenticate: () => null })
    expect(await refusal(origin, bytesOf(6))).toEqual([401, 'AuthenticationRequired'])
  })
})

test('terminating an upload leaves nothing of it', async () => {
  const { blobs, files } = await openPlace({ times: { grace: 0, deleteDelay: 0 } })
  const { origin } = await serveTus(blobs)
  const url = await sendUntil(origin, bytesOf(4 * MiB), (upload, pause) => {
    upload.options.onChunkComplete = pause
  })
  await Upload.terminate(url, { headers: asAlice })
  await blobs.collect()
  expect(await files()).toEqual([])
  expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, reserved: 0, count: 0 })
})
