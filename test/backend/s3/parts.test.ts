import { describe, expect, vi } from 'vitest'
import { makeBlob } from '../../../src/testing/blobs.ts'
import type { ProxyFault } from '../../servers/fault-proxy.ts'
import { openFixture, s3Test } from './fixture.ts'
import { nothingIsLeft, outcome, partsLeft, putFromSpool, wholeOrNothing } from './outcome.ts'

describe('a multipart upload', () => {
  const MiB = 1024 * 1024
  const inParts = { multipartThreshold: 5 * MiB, partSize: 5 * MiB, partsAtOnce: 2 }
  const size = 12 * MiB

  const isPart = ({ method, url }: { method: string; url: string }) => method === 'PUT' && url.includes('partNumber=')

  s3Test('sends each part once, and the object is what was uploaded', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open(inParts)
    const blob = makeBlob(size)
    expect(await outcome(putFromSpool(backend, blob))).toBe(true)
    expect(proxy.requests.filter(isPart).length).toBe(3)
    const hashes = proxy.requests.filter(isPart).map(({ headers }) => headers['x-amz-content-sha256'])
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(await wholeOrNothing(fixture, blob)).toBe('whole')
    await nothingIsLeft(fixture)
  })

  s3Test('retries a part that was cut, refused, damaged, or whose response was lost', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open(inParts)
    const faults: ProxyFault[] = [
      { kind: 'cutRequest', at: 0.5 },
      { kind: 'loseAnswer' },
      { kind: 'corruptRequest' },
      { kind: 'refuse', status: 503, code: 'SlowDown' },
      { kind: 'refuse', status: 500, code: 'InternalError' },
    ]
    for (const fault of faults) {
      const blob = makeBlob(size)
      let first = true
      proxy.reset()
      proxy.fault = (request) => {
        if (!isPart(request) || !first) return undefined
        first = false
        return fault
      }
      expect(await outcome(putFromSpool(backend, blob)), fault.kind).toBe(true)
      expect(proxy.requests.filter(isPart).length, fault.kind).toBe(4)
      expect(await wholeOrNothing(fixture, blob)).toBe('whole')
    }
    await nothingIsLeft(fixture)
  })

  s3Test('that fails for good deletes its parts', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open(inParts)
    for (const fault of [
      { kind: 'cutRequest', at: 0.5 },
      { kind: 'refuse', status: 500, code: 'InternalError' },
    ] satisfies ProxyFault[]) {
      const blob = makeBlob(size)
      proxy.reset()
      proxy.fault = (request) => (isPart(request) && request.url.includes('partNumber=3') ? fault : undefined)
      expect(await outcome(putFromSpool(backend, blob))).not.toBe(true)
      expect(await wholeOrNothing(fixture, blob)).toBe('nothing')
      await nothingIsLeft(fixture)
    }
  })

  s3Test('whose last response is lost is not acknowledged, and not completed twice', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open(inParts)
    const blob = makeBlob(size)
    const completes = ({ method, url }: { method: string; url: string }) => method === 'POST' && /\?uploadId=/.test(url)
    proxy.fault = (request) => (completes(request) ? { kind: 'loseAnswer' } : undefined)
    expect(await outcome(putFromSpool(backend, blob))).not.toBe(true)
    expect(proxy.requests.filter(completes).length).toBe(1)
    expect(await wholeOrNothing(fixture, blob)).toBe('whole')
    await nothingIsLeft(fixture)
  })

  s3Test('that is aborted deletes its parts', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open(inParts)
    const blob = makeBlob(size)
    const abort = new AbortController()
    proxy.fault = (request) => {
      if (isPart(request) && request.url.includes('partNumber=2')) abort.abort('enough')
      return undefined
    }
    const spool = await backend.spool()
    await spool.write([blob.bytes])
    const { sha256 } = blob.body
    await expect(backend.put(blob.key, { size, sha256, spool }, { signal: abort.signal })).rejects.toBe('enough')
    expect(await wholeOrNothing(fixture, blob)).toBe('nothing')
    await nothingIsLeft(fixture)
  })

  s3Test('whose process died is swept, and a running one is not', async () => {
    const fixture = await openFixture()
    const { open, proxy, place } = fixture
    const backend = await open(inParts)
    const blob = makeBlob(size)
    // Everything that would clean up fails, as if the process were dead.
    proxy.fault = ({ method, url }) =>
      method === 'DELETE' || url.includes('partNumber=3')
        ? { kind: 'refuse', status: 500, code: 'InternalError' }
        : undefined
    expect(await outcome(putFromSpool(backend, blob))).not.toBe(true)
    expect(await partsLeft(fixture)).toBe(1)
    const other = place.backend(inParts)
    expect(await other.sweepSpools(60_000)).toBe(0)
    // Fails when ages come from this machine's clock, which may be wrong while the upload's process is alive.
    for (const wrong of [1, -1]) {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + wrong * 86_400_000 })
      try {
        expect(await place.backend(inParts).sweepSpools(60_000)).toBe(0)
      } finally {
        vi.useRealTimers()
      }
    }
    expect(await partsLeft(fixture)).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 1500)) // the service's times are in seconds
    expect(await other.sweepSpools(0)).toBe(1)
    expect(await partsLeft(fixture)).toBe(0)
    await other.close()
  })
})
