import { expect } from 'vitest'
import { smallSize } from '../../../src/backend/remote/held-bytes.ts'
import type { BackendObject } from '../../../src/index.ts'
import { assertHolds, makeBlob, putBlob, type TestBlob } from '../../../src/testing/blobs.ts'
import { openFixture, s3Test, until } from './fixture.ts'
import { putFromSpool } from './outcome.ts'

const few = { maxSockets: 2, requestTimeout: 3000 }

// Fails when one client serves all: then each of these waits for a connection, and times out.
s3Test('readers of large blobs that stop reading block neither uploads nor readings of small blobs', async () => {
  const { open } = await openFixture()
  const backend = await open(few)
  const [large, small] = [await putBlob(backend, 4_000_000), await putBlob(backend, 1000)]
  const slow = await Promise.all([1, 2].map(() => backend.get(large.key, { expectedSize: 4_000_000 })))
  for (const object of slow) await object?.body.next()
  const [one, other] = [makeBlob(1000), makeBlob(2_000_000)]
  await Promise.all([backend.put(one.key, one.body), putFromSpool(backend, other)])
  expect((await held(backend.get(small.key, { expectedSize: 1000 })))?.byteLength).toBe(1000)
  expect((await backend.list()).keys.length).toBe(4)
  expect(await backend.delete([one.key])).toEqual(new Map())
  await expect(backend.get(large.key, { expectedSize: 4_000_000 })).rejects.toMatchObject({ transient: true })
  for (const object of slow) await object?.body.return?.()
  await assertHolds(backend, large)
})

// Fails when small bodies stay on their connections until they are read.
s3Test('readers of small blobs hold no connection, whether they read or not', async () => {
  const { open, proxy } = await openFixture()
  const backend = await open(few)
  const blobs: TestBlob[] = []
  for (const size of [0, 1, 300_000, smallSize]) blobs.push(await putBlob(backend, size))
  for (const { key, bytes } of blobs) {
    const unread = await Promise.all(
      Array.from({ length: 5 }, () => backend.get(key, { expectedSize: bytes.byteLength })),
    )
    await until(() => proxy.busy === 0, 'no connection is held')
    for (const object of unread) expect(object?.size).toBe(bytes.byteLength)
    expect(Buffer.compare((await held(unread[0])) ?? new Uint8Array(0), bytes)).toBe(0)
  }
  const [, , blob] = blobs as [TestBlob, TestBlob, TestBlob]
  const range = { start: 10, end: 20 }
  const part = await held(backend.get(blob.key, { range, expectedSize: 300_000 }))
  expect(Buffer.compare(part ?? new Uint8Array(0), blob.bytes.subarray(10, 21))).toBe(0)
  // When it is cut, it is requested again: the reader has got nothing yet.
  proxy.reset()
  proxy.fault = () => (proxy.requests.length === 1 ? { kind: 'cutAnswer', at: 0.5 } : undefined)
  expect((await held(backend.get(blob.key, { expectedSize: 300_000 })))?.byteLength).toBe(300_000)
  expect(proxy.requests.length).toBe(2)
})

async function held(object: BackendObject | null | undefined | Promise<BackendObject | null>): Promise<Buffer | null> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await object)?.body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks)
}
