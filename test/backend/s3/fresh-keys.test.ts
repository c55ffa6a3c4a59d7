import { describe, expect, onTestFinished } from 'vitest'
import { type BlobStore, createBlobStore, isBlobStoreError, sqliteMetadata } from '../../../src/index.ts'
import type { ProxyFault } from '../../servers/fault-proxy.ts'
import { Clock } from '../../support/clock.ts'
import { alice, bytes, chunks, day, text } from '../../support/samples.ts'
import { type Fixture, openFixture, s3Test } from './fixture.ts'

async function storeOn(fixture: Fixture, quota = {}): Promise<{ blobs: BlobStore; clock: Clock }> {
  const clock = new Clock()
  const metadata = sqliteMetadata(':memory:', { now: clock.now })
  const blobs = createBlobStore({ backend: await fixture.open(), metadata, limits: { accept: ['*/*'], quota } })
  onTestFinished(() => blobs.close())
  await blobs.ready()
  fixture.proxy.reset()
  return { blobs, clock }
}

const passing: ProxyFault[] = [
  { kind: 'refuse', status: 500, code: 'InternalError' },
  { kind: 'refuse', status: 502, code: 'BadGateway' },
  { kind: 'cutRequest', at: 0.5 },
  { kind: 'loseAnswer' },
]

// Fails when `Attempt.store` of src/store/upload/upload.ts gives up at the first, puts again under the same key, or keeps the first
// key's row.
describe('an upload of bytes in memory', () => {
  s3Test('succeeds after a put failed for a moment: under a new key, and the first key is collected', async () => {
    for (const fault of passing) {
      const fixture = await openFixture()
      const { proxy, place } = fixture
      const { blobs, clock } = await storeOn(fixture)
      proxy.fault = () => (proxy.requests.length === 1 ? fault : undefined)
      const { ref } = await blobs.upload(alice, bytes('small'))
      expect(
        proxy.requests.map(({ method }) => method),
        fault.kind,
      ).toEqual(['PUT', 'PUT'])
      expect(new Set(proxy.requests.map(({ url }) => url)).size, 'no key is used twice').toBe(2)
      expect(await text((await blobs.read(alice, ref, { as: 'account' })).chunks)).toBe('small')
      expect(await blobs.usage(alice)).toMatchObject({ count: 1, bytes: 5, reserved: 0 })
      const stored = async (): Promise<number> =>
        (await place.names()).filter((name) => name.startsWith('blobs/')).length
      expect(await stored()).toBe(fault.kind === 'loseAnswer' ? 2 : 1)
      clock.advance(day / 2)
      await blobs.collect()
      expect(await stored(), 'the key that was given up is collected').toBe(1)
    }
  })

  s3Test('is given up after three keys, and nothing of it is left', async () => {
    const fixture = await openFixture()
    const { proxy, place } = fixture
    const { blobs, clock } = await storeOn(fixture)
    proxy.fault = () => ({ kind: 'loseAnswer' })
    const error = await blobs.upload(alice, bytes('small')).catch((error: unknown) => error)
    expect(isBlobStoreError(error, 'StorageFailed')).toBe(true)
    expect(new Set(proxy.requests.map(({ url }) => url)).size).toBe(3)
    proxy.reset()
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
    clock.advance(day / 2)
    await blobs.collect()
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, pending: 0 })
    expect((await place.names()).filter((name) => name.startsWith('blobs/'))).toEqual([])
  })

  s3Test('rejects with the original failure, not with the quota that its own attempts have used up', async () => {
    const fixture = await openFixture()
    const { blobs } = await storeOn(fixture, { bytes: 8 })
    fixture.proxy.fault = () => ({ kind: 'loseAnswer' })
    await expect(blobs.upload(alice, bytes('small'))).rejects.toMatchObject({ code: 'StorageFailed', transient: true })
  })

  s3Test(
    'is put once if the request was already retried, if it was refused, or if the bytes are in a spool',
    async () => {
      const fixture = await openFixture()
      const { proxy } = fixture
      const { blobs } = await storeOn(fixture)
      for (const [status, code] of [
        [503, 'SlowDown'],
        [403, 'AccessDenied'],
      ] as const) {
        proxy.reset()
        proxy.fault = () => ({ kind: 'refuse', status, code })
        await expect(blobs.upload(alice, bytes(code))).rejects.toMatchObject({ code: 'StorageFailed' })
        expect(new Set(proxy.requests.map(({ url }) => url)).size, code).toBe(1)
      }
      proxy.reset()
      proxy.fault = () => ({ kind: 'refuse', status: 500, code: 'InternalError' })
      await expect(blobs.upload(alice, chunks(30, 50_000))).rejects.toMatchObject({ code: 'StorageFailed' })
      expect(proxy.requests.length).toBe(1)
    },
  )
})
