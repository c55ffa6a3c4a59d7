import type { AddressInfo } from 'node:net'
import { AtpAgent } from '@atproto/api'
import { serve } from '@hono/node-server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pdsOn } from '../../examples/hono/pds.ts'
import { memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { alice } from '../support/samples.ts'

// With the official client, over a socket.

const blobs = memoryBlobStore({ limits: { maxBlobSize: 100_000, accept: ['*/*'] } })
const app = pdsOn(blobs, (authorization) => (authorization === 'Bearer secret' ? alice : null))
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
let service: string
let agent: AtpAgent

beforeAll(async () => {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  agent = new AtpAgent({ service })
  agent.setHeader('authorization', 'Bearer secret')
})
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
  await blobs.close()
})

test('a picture is uploaded, posted, and served with ranges and security headers', async () => {
  const { bytes, mimeType } = sampleBlob('image/png')
  const { data } = await agent.com.atproto.repo.uploadBlob(bytes, { encoding: mimeType })
  const cid = data.blob.ref.toString()
  const record = { $type: 'app.bsky.feed.post', image: data.blob.ipld() }
  await agent.com.atproto.repo.putRecord({ repo: alice, collection: 'app.bsky.feed.post', rkey: '1', record })

  const address = `${service}/xrpc/com.atproto.sync.getBlob?did=${alice}&cid=${cid}`
  const whole = await fetch(address)
  expect(whole.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'; sandbox")
  expect(Buffer.from(bytes).equals(await whole.bytes())).toBe(true)
  const part = await fetch(address, { headers: { range: 'bytes=1-3' } })
  expect([part.status, await part.text()]).toEqual([206, 'PNG'])
  expect((await fetch(address, { method: 'HEAD' })).headers.get('content-length')).toBe(String(bytes.byteLength))
  expect((await agent.com.atproto.sync.listBlobs({ did: alice })).data.cids).toEqual([cid])
})

test('a request that is too large, not signed in, or for an absent blob is refused in the words of the protocol', async () => {
  const tooLarge = agent.com.atproto.repo.uploadBlob(new Uint8Array(100_001), { encoding: 'text/plain' })
  await expect(tooLarge).rejects.toMatchObject({ status: 413, error: 'PayloadTooLarge' })
  const stranger = new AtpAgent({ service }).com.atproto.repo.uploadBlob(new Uint8Array(1), { encoding: 'text/plain' })
  await expect(stranger).rejects.toMatchObject({ status: 401 })
  const image = { $type: 'blob', ref: { $link: absent }, mimeType: 'image/png', size: 1 }
  const answer = await fetch(`${service}/xrpc/com.atproto.repo.putRecord`, {
    method: 'POST',
    headers: { authorization: 'Bearer secret' },
    body: JSON.stringify({ collection: 'app.bsky.feed.post', rkey: '2', record: { image } }),
  })
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'BlobNotFound' }])
})

const absent = 'bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4'
