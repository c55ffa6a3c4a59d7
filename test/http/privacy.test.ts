import { createServer } from 'node:http'
import express from 'express'
import { expect, test } from 'vitest'
import { blobRouter } from '../../src/express.ts'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { privateData } from '../../src/privacy.ts'
import { picture, secrets } from '../privacy/pictures.ts'
import { stripped } from '../privacy/stripped.ts'
import { ask, begin, patch, send, serveTus } from '../tus/place.ts'
import { alice, asAlice, jsonOf, openPlace, plain, tokens, xrpc } from './place.ts'
import { listen } from './servers.ts'

const serve = (blobs: BlobStore) => listen(createServer(express().use(blobRouter(blobs, tokens))))

const upload = (origin: string, bytes: Uint8Array, headers: Record<string, string> = {}) =>
  fetch(`${origin}${xrpc.upload}`, {
    method: 'POST',
    headers: { ...asAlice, 'content-type': 'image/jpeg', ...headers },
    body: plain(bytes),
  })

const read = async (blobs: BlobStore, cid: string) => (await blobs.read(alice, cid, { as: 'account' })).bytes()

test('uploadBlob answers with the reference of what is left', async () => {
  const { blobs } = await openPlace({ privacy: privateData() })
  const { origin } = await serve(blobs)
  const before = await picture('jpeg')
  const after = await stripped(before)
  const { blob } = await jsonOf(await upload(origin, before))
  expect(blob).toEqual({
    $type: 'blob',
    ref: { $link: cidOfBytes(after) },
    mimeType: 'image/jpeg',
    size: after.byteLength,
  })
  const stored = Buffer.from(await read(blobs, blob.ref.$link))
  expect(secrets.filter((secret) => stored.includes(secret))).toEqual([])
})

test('uploadBlob refuses with a name, and says what is to be removed', async () => {
  const { blobs } = await openPlace({ privacy: privateData({ mode: 'refuse' }) })
  const { origin } = await serve(blobs)
  const response = await upload(origin, await picture('jpeg'))
  expect(response.status).toBe(400)
  const { error, message } = (await response.json()) as { error: string; message: string }
  expect({ error, message }).toEqual({
    error: 'PrivateData',
    message: expect.stringMatching(/\(Exif, XMP\); remove this/),
  })
})

test('an upload over tus has the length that was sent, and the blob that is left', async () => {
  const { blobs } = await openPlace({ privacy: privateData() })
  const { origin } = await serveTus(blobs)
  const before = await picture('jpeg')
  const after = await stripped(before)
  const { blob, url } = await send(origin, before, { chunkSize: 1000 })
  expect(blob).toMatchObject({ ref: { $link: cidOfBytes(after) }, size: after.byteLength })
  const head = await ask(url, 'HEAD')
  expect(head.headers.get('upload-offset')).toBe(String(before.byteLength))
  expect(head.headers.get('upload-length')).toBe(String(before.byteLength))
})

test('an upload over tus that is refused has ended', async () => {
  const { blobs } = await openPlace({ privacy: privateData({ mode: 'refuse' }) })
  const { origin } = await serveTus(blobs)
  const bytes = await picture('jpeg')
  const url = await begin(origin, { 'upload-length': String(bytes.byteLength) })
  const response = await patch(url, 0, bytes)
  expect(response.status).toBe(400)
  expect((await ask(url, 'HEAD')).status).toBe(404)
  expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
})
