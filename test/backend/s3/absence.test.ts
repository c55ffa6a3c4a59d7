import { describe, expect } from 'vitest'
import { isBlobStoreError } from '../../../src/index.ts'
import { putBlob } from '../../../src/testing/blobs.ts'
import type { ProxyFault } from '../../servers/fault-proxy.ts'
import { openFixture, s3Test } from './fixture.ts'
import { outcome, wholeOrNothing } from './outcome.ts'

// What an ingress answers when the service behind it is down: it says nothing about the bucket.
const pages: ProxyFault[] = [
  { kind: 'answer', status: 404, body: 'default backend - 404' },
  { kind: 'answer', status: 404, body: '<html><head><title>404 Not Found</title></head><body>404</body></html>' },
  { kind: 'answer', status: 404, body: '' },
]

// Fails when `isAbsent` takes any 404, as it once did.
describe('a 404 that is not the service’s own', () => {
  s3Test('is a transient error, not an absent blob', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const { key } = await putBlob(backend, 10)
    await backend.writeMarker('mine')
    for (const page of pages) {
      proxy.fault = () => page
      expect(await outcome(backend.get(key))).toContain('not the service’s own')
      expect(await outcome(backend.has(key))).toContain('not the service’s own')
      expect(await outcome(backend.list())).toContain('not the service’s own')
      expect(await outcome(backend.readMarker())).toContain('not the service’s own')
    }
  })

  s3Test('deletes nothing', async () => {
    const fixture = await openFixture()
    const { open, proxy } = fixture
    const backend = await open()
    const [one, other] = [await putBlob(backend, 10), await putBlob(backend, 10)]
    for (const page of pages.slice(0, 1)) {
      for (const keys of [[one.key], [one.key, other.key]]) {
        proxy.fault = () => page
        const failed = await backend.delete(keys)
        expect([...failed.keys()]).toEqual(keys)
        for (const error of failed.values()) expect(isBlobStoreError(error, 'StorageFailed')).toBe(true)
      }
    }
    for (const blob of [one, other]) expect(await wholeOrNothing(fixture, blob)).toBe('whole')
  })

  s3Test('as response to a HEAD is not trusted, because a HEAD cannot show which server sent it', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    const { key } = await putBlob(backend, 10)
    proxy.fault = ({ method }) => (method === 'HEAD' ? { kind: 'answer', status: 404, body: '' } : undefined)
    expect(await outcome(backend.has(key))).toContain('not the service’s own')
    proxy.reset()
    expect(await backend.delete([key])).toEqual(new Map())
    expect(await backend.has(key)).toBe(false)
    expect(proxy.requests.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'DELETE 204',
      'HEAD 404',
      'GET 404',
    ])
  })
})

s3Test('a page instead of a list is not taken for an empty list', async () => {
  const { open, proxy } = await openFixture()
  const backend = await open()
  proxy.fault = () => ({ kind: 'answer', status: 200, body: '<html><body>Welcome</body></html>' })
  await expect(backend.list()).rejects.toMatchObject({
    code: 'StorageFailed',
    message: expect.stringContaining('list'),
  })
})

// Fails when only 501 and 405 count.
s3Test('a service without a list of multipart uploads has nothing to sweep, which is no failure', async () => {
  const { open, proxy } = await openFixture()
  const backend = await open()
  for (const fault of [
    ...pages,
    { kind: 'refuse', status: 404, code: 'NoSuchKey' },
    { kind: 'refuse', status: 405, code: 'MethodNotAllowed' },
    { kind: 'refuse', status: 501, code: 'NotImplemented' },
  ] satisfies ProxyFault[]) {
    proxy.reset()
    proxy.fault = () => fault
    expect(await backend.sweepSpools(0)).toBe(0)
    expect(proxy.requests.length).toBe(1)
  }
  proxy.fault = () => ({ kind: 'refuse', status: 404, code: 'NoSuchBucket' })
  await expect(backend.sweepSpools(0)).rejects.toMatchObject({ code: 'StorageFailed' })
})
