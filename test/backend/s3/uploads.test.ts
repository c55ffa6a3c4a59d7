import { rmdirSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { makeBlob } from '../../../src/testing/blobs.ts'
import { openFixture, s3Test, until } from './fixture.ts'
import { impatient, nothingIsLeft, outcome, putFromSpool, tenths, ways, wholeOrNothing } from './outcome.ts'

describe('an upload', () => {
  s3Test('that is cut at any tenth is not acknowledged, and leaves nothing or all of it', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    for (const [how, put] of ways) {
      for (const at of tenths) {
        const blob = makeBlob(900_000)
        proxy.reset()
        proxy.fault = ({ method }) => (method === 'PUT' ? { kind: 'cutRequest', at } : undefined)
        expect(await outcome(put(backend, blob)), `${how}, cut at ${at}`).toContain('cut')
        expect(proxy.requests.length, 'it is not sent again under the same key').toBe(1)
        if (at < 1) expect(await wholeOrNothing(fixture, blob), `cut at ${at}`).toBe('nothing')
        else await wholeOrNothing(fixture, blob)
      }
    }
    await until(() => proxy.busy === 0, 'no connection is left')
    await nothingIsLeft(fixture)
  })

  s3Test('whose response is lost is not acknowledged, and not sent again', async () => {
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

  s3Test('is retried when the service asked to slow down, and only then', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    for (const [, put] of ways) {
      const blob = makeBlob(300_000)
      proxy.reset()
      proxy.fault = () => (proxy.requests.length <= 2 ? { kind: 'refuse', status: 503, code: 'SlowDown' } : undefined)
      expect(await outcome(put(backend, blob))).toBe(true)
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

  s3Test('that makes no progress is ended, and its socket closed', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open(impatient)
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

  s3Test('with one bit changed in transit is refused by the service, and sent again', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    for (const [, put] of ways) {
      const blob = makeBlob(300_000)
      proxy.reset()
      proxy.fault = () => (proxy.requests.length === 1 ? { kind: 'corruptRequest' } : undefined)
      expect(await outcome(put(backend, blob))).toBe(true)
      expect(proxy.requests.map(({ status }) => status)).toEqual([400, 200])
      expect(await wholeOrNothing(fixture, blob)).toBe('whole')

      const hopeless = makeBlob(300_000)
      proxy.fault = () => ({ kind: 'corruptRequest' })
      expect(await outcome(put(backend, hopeless))).toContain('other than those sent')
      expect(await wholeOrNothing(fixture, hopeless)).toBe('nothing')
    }
    await nothingIsLeft(fixture)
  })

  s3Test('from a spool succeeds although a cleaner deleted the folder for spools', async () => {
    const fixture = await openFixture()
    const backend = await fixture.open()
    rmdirSync(fixture.place.spools)
    const blob = makeBlob(3_000_000)
    await putFromSpool(backend, blob)
    expect(await wholeOrNothing(fixture, blob)).toBe('whole')
    rmdirSync(fixture.place.spools)
    expect(await backend.sweepSpools(0)).toBe(0)
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
