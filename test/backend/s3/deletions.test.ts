import { describe, expect } from 'vitest'
import { isBlobStoreError } from '../../../src/index.ts'
import { makeBlob, putBlob } from '../../../src/testing/blobs.ts'
import { openFixture, s3Test } from './fixture.ts'
import { wholeOrNothing } from './outcome.ts'

describe('a deletion', () => {
  s3Test('is retried when its response was lost, and is then certain', async () => {
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

  s3Test('runs one by one if the service has no batch request', async () => {
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

  s3Test('counts only for the keys that the service names as deleted', async () => {
    const { place, proxy, open } = await openFixture()
    const backend = await open()
    const [gone, denied, forgotten] = [makeBlob(1).key, makeBlob(1).key, makeBlob(1).key]
    const name = (key: string) => `<Key>${place.prefix}blobs/${key}</Key>`
    proxy.fault = () => ({
      kind: 'answer',
      status: 200,
      body: `<DeleteResult><Deleted>${name(gone)}</Deleted>
        <Error>${name(denied)}<Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>`,
    })
    const failed = await backend.delete([gone, denied, forgotten])
    expect([...failed.keys()]).toEqual([denied, forgotten])
    expect(failed.get(denied)).toMatchObject({ code: 'StorageFailed', message: expect.stringContaining('permission') })
    expect(failed.get(forgotten)).toMatchObject({ code: 'StorageFailed' })
  })
})
