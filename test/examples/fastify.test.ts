import type { AddressInfo } from 'node:net'
import { AtpAgent } from '@atproto/api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pdsOn } from '../../examples/fastify/pds.ts'
import { memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { alice, post } from '../support/samples.ts'

// With the official client, over a socket.

const blobs = memoryBlobStore({ limits: { maxBlobSize: 3_000_000, accept: ['*/*'] } })
const app = pdsOn(blobs, (authorization) => (authorization === 'Bearer secret' ? alice : null))
app.post('/echo', async (request) => request.body)
let service: string

beforeAll(async () => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  service = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await app.close()
  await blobs.close()
})

test('a picture is uploaded and served, and other routes still have their bodies parsed', async () => {
  const agent = new AtpAgent({ service })
  agent.setHeader('authorization', 'Bearer secret')
  for (const type of ['image/png', 'text/plain', 'application/json']) {
    const { bytes } = sampleBlob(type)
    const { data } = await agent.com.atproto.repo.uploadBlob(bytes, { encoding: type })
    await post(blobs, alice, '1', data.blob.ipld())
    const address = `${service}/xrpc/com.atproto.sync.getBlob?did=${alice}&cid=${data.blob.ref}`
    expect(Buffer.from(bytes).equals(await (await fetch(address)).bytes())).toBe(true)
    expect((await fetch(address, { headers: { range: 'bytes=0-0' } })).status).toBe(206)
    expect((await fetch(address, { method: 'HEAD' })).headers.get('content-length')).toBe(String(bytes.byteLength))
  }
  const large = new Uint8Array(2_000_000) // more than Fastify's own limit, which is not that of blobs
  const { data } = await agent.com.atproto.repo.uploadBlob(large, { encoding: 'text/plain' })
  expect(data.blob.size).toBe(2_000_000)
  const echo = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }
  expect(await (await fetch(`${service}/echo`, echo)).json()).toEqual({ a: 1 })
})

test('an upload that is too large, or not signed in, is refused in the words of the protocol', async () => {
  const agent = new AtpAgent({ service })
  const upload = () => agent.com.atproto.repo.uploadBlob(new Uint8Array(3_000_001), { encoding: 'text/plain' })
  await expect(upload()).rejects.toMatchObject({ status: 401 })
  agent.setHeader('authorization', 'Bearer secret')
  await expect(upload()).rejects.toMatchObject({ status: 413, error: 'PayloadTooLarge' })
})
