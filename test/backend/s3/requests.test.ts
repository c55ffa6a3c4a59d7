import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { expect, onTestFinished } from 'vitest'
import { createBlobStore, sqliteMetadata } from '../../../src/index.ts'
import { sharedBucket } from '../../support/s3.ts'
import { alice, bytes, post } from '../../support/samples.ts'
import { openFixture, s3Test } from './fixture.ts'

s3Test('an upload is one request, a reference none, a reading one', async () => {
  const { place, proxy, open } = await openFixture()
  const blobs = createBlobStore({
    backend: await open(),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'] },
  })
  onTestFinished(() => blobs.close())
  await blobs.ready()
  const made = async (call: Promise<unknown>): Promise<string[]> => {
    proxy.reset()
    await call
    return proxy.requests.map(({ method, status }) => `${method} ${status}`)
  }
  const small = blobs.upload(alice, bytes('small'))
  expect(await made(small)).toEqual(['PUT 200'])
  expect(await made(blobs.upload(alice, new Uint8Array(5_000_000)))).toEqual(['PUT 200'])
  const ref = await small
  expect(await made(post(blobs, alice, 'a', ref))).toEqual([])
  expect(await made(blobs.stat(alice, ref.ref))).toEqual([])
  expect(await made(blobs.listPublic(alice))).toEqual([])
  expect(await made(blobs.read(alice, ref.ref).then((reading) => reading.bytes()))).toEqual(['GET 200'])
  const part = blobs.read(alice, ref.ref, { range: { start: 1, end: 2 } })
  expect(await made(part.then((reading) => reading.bytes()))).toEqual(['GET 206'])

  const [name = ''] = (await place.names()).filter((one) => one.includes(ref.ref.toString()))
  const object = await place.client.send(new HeadObjectCommand({ Bucket: sharedBucket, Key: place.prefix + name }))
  expect([object.ContentType, object.ContentDisposition]).toEqual(['application/octet-stream', 'attachment'])
})

s3Test('every upload is signed with the hash of its bytes', async () => {
  const { proxy, open } = await openFixture()
  const backend = await open()
  const blobs = createBlobStore({ backend, metadata: sqliteMetadata(':memory:'), limits: { accept: ['*/*'] } })
  onTestFinished(() => blobs.close())
  for (const size of [10, 3_000_000]) {
    const { ref } = await blobs.upload(alice, new Uint8Array(size).fill(7))
    const [put] = proxy.requests.filter(({ method, url }) => method === 'PUT' && url.includes(ref.toString()))
    expect(put?.headers['x-amz-content-sha256']).toBe(Buffer.from(ref.multihash.digest).toString('hex'))
    expect(put?.headers.authorization).toContain('x-amz-content-sha256')
    expect(put?.headers['content-length']).toBe(String(size))
    expect(put?.headers['transfer-encoding']).toBeUndefined()
  }
})
