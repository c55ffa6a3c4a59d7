import { readdirSync } from 'node:fs'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { type BlobBackend, isBlobStoreError } from '../../../src/index.ts'
import { assertHolds, collect, makeBlob, putBlob, readBlob, type TestBlob } from '../../../src/testing/blobs.ts'
import type { ProxyFault } from '../../servers/fault-proxy.ts'
import { sharedBucket } from '../../support/s3.ts'
import { type Fixture, openFixture, s3Test, until } from './fixture.ts'

// Between the backend and the real gateway, everything that a network can do. Throughout: what was acknowledged is
// there, what is served is right, and neither sockets nor parts nor spools are left.

const tenths = Array.from({ length: 11 }, (_, n) => n / 10)
const short = { socketTimeout: 300, requestTimeout: 600 }

async function putFromSpool(backend: BlobBackend, blob: TestBlob): Promise<void> {
  const spool = await backend.spool()
  for (let at = 0; at < blob.bytes.byteLength; at += 1024 * 1024) {
    await spool.write([blob.bytes.subarray(at, at + 1024 * 1024)])
  }
  const { size, sha256 } = blob.body
  await backend.put(blob.key, { size, sha256, spool })
}

/** `true` when it was acknowledged, else the error, which must be one that says to try again. */
async function outcome(call: Promise<unknown>): Promise<true | string> {
  try {
    await call
    return true
  } catch (error) {
    if (!isBlobStoreError(error)) throw error
    expect(error.code).toBe('StorageFailed')
    expect(error.transient, error.message).toBe(true)
    expect(error.backend).toBe('s3')
    return error.message
  }
}

async function partsLeft({ place }: Fixture): Promise<number> {
  const command = new ListMultipartUploadsCommand({ Bucket: sharedBucket, Prefix: place.prefix })
  return (await place.client.send(command)).Uploads?.length ?? 0
}

/** What is under the key, seen past the proxy, is all of the blob or nothing. */
async function wholeOrNothing({ place }: Fixture, blob: TestBlob): Promise<'whole' | 'nothing'> {
  const honest = place.backend()
  try {
    if (!(await honest.has(blob.key))) return 'nothing'
    await assertHolds(honest, blob)
    return 'whole'
  } finally {
    await honest.close()
  }
}

async function nothingIsLeft(fixture: Fixture): Promise<void> {
  expect(readdirSync(fixture.place.spools)).toEqual([])
  expect(await partsLeft(fixture)).toBe(0)
}

describe('an upload', () => {
  s3Test('that is cut at any tenth is not acknowledged, and leaves nothing or all of it', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    for (const [how, put] of [
      ['memory', (blob: TestBlob) => backend.put(blob.key, blob.body)],
      ['spool', (blob: TestBlob) => putFromSpool(backend, blob)],
    ] as const) {
      for (const at of tenths) {
        const blob = makeBlob(900_000)
        proxy.reset()
        proxy.fault = ({ method }) => (method === 'PUT' ? { kind: 'cutRequest', at } : undefined)
        expect(await outcome(put(blob)), `${how}, cut at ${at}`).toContain('cut')
        expect(proxy.requests.length, 'it is not sent again under the same key').toBe(1)
        if (at < 1) expect(await wholeOrNothing(fixture, blob), `cut at ${at}`).toBe('nothing')
        else await wholeOrNothing(fixture, blob)
      }
    }
    await until(() => proxy.busy === 0, 'no connection is left')
    await nothingIsLeft(fixture)
  })

  s3Test('whose answer is lost is not acknowledged, and not sent again', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    const blob = makeBlob(1000)
    proxy.fault = () => ({ kind: 'loseAnswer' })
    expect(await outcome(backend.put(blob.key, blob.body))).not.toBe(true)
    expect(proxy.requests.length).toBe(1)
    expect(await wholeOrNothing(fixture, blob)).toBe('whole')
    proxy.reset()
    expect(await backend.delete([blob.key])).toEqual(new Map())
    expect(await wholeOrNothing(fixture, blob)).toBe('nothing')
  })

  s3Test('is sent again when the service asked to slow down, and only then', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    for (const put of [
      (blob: TestBlob) => backend.put(blob.key, blob.body),
      (blob: TestBlob) => putFromSpool(backend, blob),
    ]) {
      const blob = makeBlob(300_000)
      proxy.reset()
      proxy.fault = () => (proxy.requests.length <= 2 ? { kind: 'refuse', status: 503, code: 'SlowDown' } : undefined)
      expect(await outcome(put(blob))).toBe(true)
      expect(proxy.requests.map(({ status }) => status)).toEqual([503, 503, 200])
      expect(await wholeOrNothing(fixture, blob)).toBe('whole')
    }
    for (const [status, code] of [
      [500, 'InternalError'],
      [502, 'BadGateway'],
      [504, 'GatewayTimeout'],
    ] as const) {
      const blob = makeBlob(1000)
      proxy.reset()
      proxy.fault = () => ({ kind: 'refuse', status, code })
      expect(await outcome(backend.put(blob.key, blob.body))).not.toBe(true)
      expect(proxy.requests.length, code).toBe(1)
    }
    await nothingIsLeft(fixture)
  })

  s3Test('is given up when the service asks to slow down for ever', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blob = makeBlob(1000)
    proxy.fault = () => ({ kind: 'refuse', status: 503, code: 'SlowDown' })
    const refused = await outcome(backend.put(blob.key, blob.body))
    expect(refused).toContain('slow down')
    expect(proxy.requests.length).toBe(5)
  })

  s3Test('that stands still is given up, and its socket closed', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open(short)
    // More than the buffers of the sockets hold, so that the backend sees it.
    const blob = makeBlob(30_000_000)
    proxy.fault = () => ({ kind: 'stallRequest', at: 0.1 })
    expect(await outcome(putFromSpool(backend, blob))).toContain('did not answer in time')
    const small = makeBlob(1000)
    expect(await outcome(backend.put(small.key, small.body))).toContain('did not answer in time')
    await until(() => proxy.busy === 0, 'no connection is left')
    expect(await wholeOrNothing(fixture, blob)).toBe('nothing')
    await nothingIsLeft(fixture)
  })

  s3Test('of which one bit changes on its way is refused by the service, and sent again', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    for (const put of [
      (blob: TestBlob) => backend.put(blob.key, blob.body),
      (blob: TestBlob) => putFromSpool(backend, blob),
    ]) {
      const blob = makeBlob(300_000)
      proxy.reset()
      proxy.fault = () => (proxy.requests.length === 1 ? { kind: 'corruptRequest' } : undefined)
      expect(await outcome(put(blob))).toBe(true)
      expect(proxy.requests.map(({ status }) => status)).toEqual([400, 200])
      expect(await wholeOrNothing(fixture, blob)).toBe('whole')

      const hopeless = makeBlob(300_000)
      proxy.fault = () => ({ kind: 'corruptRequest' })
      expect(await outcome(put(hopeless))).toContain('not those that were sent')
      expect(await wholeOrNothing(fixture, hopeless)).toBe('nothing')
    }
    await nothingIsLeft(fixture)
  })

  s3Test('that is aborted closes its socket at once', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    proxy.fault = () => ({ kind: 'stallRequest', at: 0.1 })
    const blob = makeBlob(1_000_000)
    const abort = new AbortController()
    const put = backend.put(blob.key, blob.body, { signal: abort.signal })
    await until(() => proxy.requests.length === 1, 'it is under way')
    abort.abort('enough')
    await expect(put).rejects.toBe('enough')
    await until(() => proxy.busy === 0, 'no connection is left')
    expect(await wholeOrNothing(fixture, blob)).toBe('nothing')
  })
})

describe('an upload in parts', () => {
  const MiB = 1024 * 1024
  const inParts = { multipartThreshold: 5 * MiB, partSize: 5 * MiB, partsAtOnce: 2 }
  const size = 12 * MiB

  const isPart = ({ method, url }: { method: string; url: string }) => method === 'PUT' && url.includes('partNumber=')

  s3Test('sends each part once, and the whole is what was uploaded', async () => {
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

  s3Test('sends a part again that was cut, refused, damaged, or whose answer was lost', async () => {
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

  s3Test('that fails for good throws its parts away', async () => {
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

  s3Test('whose last answer is lost is not acknowledged, and not put together twice', async () => {
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

  s3Test('that is aborted throws its parts away', async () => {
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

  s3Test('whose process died is swept, and one that goes on is not', async () => {
    const fixture = await openFixture()
    const { open, proxy, place } = fixture
    const backend = await open(inParts)
    const blob = makeBlob(size)
    // All that would clean up fails, as if the process was dead.
    proxy.fault = ({ method, url }) =>
      method === 'DELETE' || url.includes('partNumber=3')
        ? { kind: 'refuse', status: 500, code: 'InternalError' }
        : undefined
    expect(await outcome(putFromSpool(backend, blob))).not.toBe(true)
    expect(await partsLeft(fixture)).toBe(1)
    const other = place.backend(inParts)
    expect(await other.sweepSpools(60_000)).toBe(0)
    expect(await partsLeft(fixture)).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 1500)) // the service tells the time in seconds
    expect(await other.sweepSpools(0)).toBe(1)
    expect(await partsLeft(fixture)).toBe(0)
    await other.close()
  })
})

describe('a reading', () => {
  s3Test('that is cut at any tenth gives right bytes, then an error, never an end', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blob = await putBlob(backend, 2_000_000)
    for (const at of tenths) {
      proxy.reset()
      proxy.fault = () => ({ kind: 'cutAnswer', at })
      const object = await backend.get(blob.key)
      let passed = 0
      const reading = (async () => {
        for await (const chunk of object?.body ?? []) {
          expect(Buffer.compare(chunk, blob.bytes.subarray(passed, passed + chunk.byteLength))).toBe(0)
          passed += chunk.byteLength
        }
      })()
      // All the bytes had passed when it was cut behind the last.
      if ((await outcome(reading)) === true) expect([at, passed]).toEqual([1, 2_000_000])
      else expect(passed).toBeLessThanOrEqual(at * 2_000_000)
      expect(proxy.requests.length).toBe(1)
    }
    await until(() => proxy.busy === 0, 'no connection is left')
  })

  s3Test('is asked for again when the answer is lost, or the service is busy or fails', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blob = await putBlob(backend, 1000)
    for (const fault of [
      { kind: 'loseAnswer' },
      { kind: 'refuse', status: 503, code: 'SlowDown' },
      { kind: 'refuse', status: 500, code: 'InternalError' },
    ] satisfies ProxyFault[]) {
      for (const call of [() => readBlob(backend, blob.key), () => backend.list()]) {
        proxy.reset()
        proxy.fault = () => (proxy.requests.length === 1 ? fault : undefined)
        expect(await outcome(call()), fault.kind).toBe(true)
        expect(proxy.requests.length).toBe(2)
        proxy.reset()
        proxy.fault = () => fault
        expect(await outcome(call())).not.toBe(true)
        expect(proxy.requests.length, 'retries are not doubled').toBe(4)
      }
    }
  })

  s3Test('that stands still is given up, and its socket closed', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open(short)
    const blob = await putBlob(backend, 2_000_000)
    proxy.fault = () => ({ kind: 'stallAnswer', at: 0.3 })
    expect(await outcome(readBlob(backend, blob.key))).toContain('did not answer in time')
    await until(() => proxy.busy === 0, 'no connection is left')
  })

  s3Test('may be slow: who waits is not the service', async () => {
    const { open } = await openFixture()
    const backend = await open(short)
    const blob = await putBlob(backend, 2_000_000)
    const body = (await backend.get(blob.key))?.body
    const chunks: Uint8Array[] = []
    for await (const chunk of body ?? []) {
      if (chunks.length === 0) await new Promise((resolve) => setTimeout(resolve, 1200))
      chunks.push(chunk)
    }
    expect(Buffer.concat(chunks).equals(blob.bytes)).toBe(true)
  })

  s3Test('that nobody wants any more closes its socket at once', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blob = await putBlob(backend, 8_000_000)
    const abort = new AbortController()
    const [returned, aborted] = [await backend.get(blob.key), await backend.get(blob.key, { signal: abort.signal })]
    await returned?.body.next()
    expect(proxy.busy).toBe(2)
    await returned?.body.return?.()
    abort.abort('enough')
    await expect(aborted?.body.next()).rejects.toBe('enough')
    await until(() => proxy.busy === 0, 'no connection is left')
  })

  s3Test('to its end keeps the connection for the next', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blob = await putBlob(backend, 300_000)
    for (let n = 0; n < 20; n++) {
      const object = await backend.get(blob.key)
      let left = object?.size ?? 0
      // Who knows the length does not ask for the end.
      while (left > 0) left -= (await object?.body.next())?.value?.byteLength ?? 0
    }
    // Those of the opening serve.
    expect(proxy.connections).toBe(0)
  })

  s3Test('of a bit that changed on its way is noticed by who verifies', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blob = await putBlob(backend, 1000)
    proxy.fault = () => ({ kind: 'corruptAnswer' })
    const object = await backend.get(blob.key)
    expect(Buffer.from(await collect(object?.body ?? (async function* () {})())).equals(blob.bytes)).toBe(false)
  })
})

describe('a deletion', () => {
  s3Test('is asked for again when its answer was lost, and then is certain', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    const blobs = [await putBlob(backend, 10), await putBlob(backend, 10)]
    proxy.reset()
    proxy.fault = () => (proxy.requests.length === 1 ? { kind: 'loseAnswer' } : undefined)
    expect(await backend.delete(blobs.map(({ key }) => key))).toEqual(new Map())
    for (const blob of blobs) expect(await wholeOrNothing(fixture, blob)).toBe('nothing')
  })

  s3Test('that fails is reported for every key', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blobs = [await putBlob(backend, 10), await putBlob(backend, 10)]
    proxy.fault = () => ({ kind: 'refuse', status: 500, code: 'InternalError' })
    const failed = await backend.delete(blobs.map(({ key }) => key))
    expect([...failed.keys()].sort()).toEqual(blobs.map(({ key }) => key).sort())
    for (const error of failed.values()) expect(isBlobStoreError(error, 'StorageFailed')).toBe(true)
  })

  s3Test('goes one by one where the service knows no other way', async () => {
    for (const [status, code] of [
      [501, 'NotImplemented'],
      [400, 'MissingContentMD5'],
    ] as const) {
      const fixture = await openFixture()
      const { open, proxy } = fixture
      const backend = await open()
      const blobs = [await putBlob(backend, 10), await putBlob(backend, 10)]
      proxy.reset()
      proxy.fault = ({ method }) => (method === 'POST' ? { kind: 'refuse', status, code } : undefined)
      expect(await backend.delete(blobs.map(({ key }) => key))).toEqual(new Map())
      expect(proxy.requests.map(({ method }) => method)).toEqual(['POST', 'DELETE', 'DELETE'])
      for (const blob of blobs) expect(await wholeOrNothing(fixture, blob)).toBe('nothing')
      proxy.requests.length = 0
      expect(await backend.delete(blobs.map(({ key }) => key))).toEqual(new Map())
      expect(
        proxy.requests.map(({ method }) => method),
        'it is not asked twice',
      ).toEqual(['DELETE', 'DELETE'])
    }
  })
})
