import { describe, expect } from 'vitest'
import { collect, putBlob, readBlob } from '../../../src/testing/blobs.ts'
import type { ProxyFault } from '../../servers/fault-proxy.ts'
import { openFixture, s3Test, until } from './fixture.ts'
import { impatient, outcome, tenths } from './outcome.ts'

async function* nothing(): AsyncGenerator<Uint8Array> {}

describe('a reading', () => {
  s3Test('that is cut at any tenth returns right bytes, then an error, never an end', async () => {
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
      // A cut after the last byte: all bytes had passed.
      if ((await outcome(reading)) === true) expect([at, passed]).toEqual([1, 2_000_000])
      else expect(passed).toBeLessThanOrEqual(at * 2_000_000)
      expect(proxy.requests.length).toBe(1)
    }
    await until(() => proxy.busy === 0, 'no connection is left')
  })

  s3Test('is retried when the response is lost, or the service is busy or fails', async () => {
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

  s3Test('that makes no progress is ended, and its socket closed', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open(impatient)
    const blob = await putBlob(backend, 2_000_000)
    proxy.fault = () => ({ kind: 'stallAnswer', at: 0.3 })
    expect(await outcome(readBlob(backend, blob.key))).toContain('did not answer in time')
    await until(() => proxy.busy === 0, 'no connection is left')
  })

  s3Test('of the marker that makes no progress is ended, too', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open(impatient)
    await backend.writeMarker('a marker of some length')
    proxy.fault = () => ({ kind: 'stallAnswer', at: 0.3 })
    expect(await outcome(backend.readMarker())).toContain('did not answer in time')
    await until(() => proxy.busy === 0, 'no connection is left')
  })

  s3Test('may be slow: the timeout does not apply to a slow reader', async () => {
    const { open } = await openFixture()
    const backend = await open(impatient)
    const blob = await putBlob(backend, 2_000_000)
    const body = (await backend.get(blob.key))?.body
    const chunks: Uint8Array[] = []
    for await (const chunk of body ?? []) {
      if (chunks.length === 0) await new Promise((resolve) => setTimeout(resolve, 1200))
      chunks.push(chunk)
    }
    expect(Buffer.concat(chunks).equals(blob.bytes)).toBe(true)
  })

  s3Test('that is abandoned closes its socket at once', async () => {
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
      // A reader that knows the length does not read the end.
      while (left > 0) left -= (await object?.body.next())?.value?.byteLength ?? 0
    }
    // The next may begin before the one before has released its connection.
    expect(proxy.connections).toBeLessThan(4)
    for (let n = 0; n < 20; n++)
      await collect((await backend.get(blob.key, { expectedSize: 300_000 }))?.body ?? nothing())
    expect(proxy.connections).toBeLessThan(7)
  })

  s3Test('with a bit changed in transit is detected if verified', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const blob = await putBlob(backend, 1000)
    proxy.fault = () => ({ kind: 'corruptAnswer' })
    const object = await backend.get(blob.key)
    expect(Buffer.from(await collect(object?.body ?? nothing())).equals(blob.bytes)).toBe(false)
  })
})
