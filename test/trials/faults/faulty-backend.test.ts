import { describe, expect, test, vi } from 'vitest'
import {
  type BlobBackend,
  BlobStoreError,
  createBlobStore,
  isBlobStoreError,
  MemoryBackend,
  sqliteMetadata,
} from '../../../src/index.ts'
import { backendConformance, type Fault, type FaultyBackend, faultyBackend } from '../../../src/testing.ts'
import { alice, bytes, text } from '../../support/samples.ts'

// Fails when a fault has another effect than it says: a response that is lost before the effect, a spool that is never
// discarded, a seed that does not decide, or a wrapper that changes what the backend does when nothing is planned.

const key = (letter: string) => `bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4.1-${letter.repeat(16)}`
const body = (content: string) => ({ size: content.length, sha256: new Uint8Array(32), chunks: [bytes(content)] })

async function place(...faults: Fault[]): Promise<{ inner: MemoryBackend; backend: FaultyBackend }> {
  const inner = new MemoryBackend()
  const backend = faultyBackend(inner, { faults })
  await backend.open()
  return { inner, backend }
}

const planned = { code: 'StorageFailed', transient: true, backend: 'memory' }

describe('a backend without faults', () => {
  for (const { name, run } of backendConformance) {
    test(name, () => {
      const backend = faultyBackend(new MemoryBackend(), { faults: [] })
      return run(() => ({ backend: () => backend }))
    })
  }
})

describe('a fault', () => {
  test('happens at the n-th call of its method, before the effect', async () => {
    const full = new BlobStoreError('StorageFull', 'No space left')
    const { backend } = await place({ kind: 'fail', on: 'put', at: 2, error: full })
    await backend.put(key('a'), body('a'))
    await expect(backend.put(key('b'), body('b'))).rejects.toBe(full)
    await backend.put(key('c'), body('c'))
    expect((await backend.list()).keys).toEqual([key('a'), key('c')])
  })

  test('happens at the n-th call of all, which it counts', async () => {
    const { backend } = await place({ kind: 'fail', at: 3 })
    expect(await backend.has(key('a'))).toBe(false)
    await expect(backend.readMarker()).rejects.toMatchObject(planned)
    expect(await backend.readMarker()).toBe(null)
    expect([backend.calls(), backend.calls('readMarker'), backend.calls('put')]).toEqual([4, 2, 0])
    expect([backend.faults(), backend.faults('fail'), backend.faults('lose')]).toEqual([1, 1, 0])
  })

  test('may lose the response after the effect', async () => {
    const { backend } = await place({ kind: 'lose', on: 'put', at: 1 }, { kind: 'lose', on: 'delete', at: 1 })
    await expect(backend.put(key('a'), body('a'))).rejects.toMatchObject(planned)
    expect(await backend.has(key('a'))).toBe(true)
    await expect(backend.delete([key('a')])).rejects.toMatchObject(planned)
    expect(await backend.has(key('a'))).toBe(false)
  })

  test('may have the effect after the response', async () => {
    const { backend } = await place({ kind: 'late', on: 'put', at: 1, delay: 1 })
    await expect(backend.put(key('a'), body('a'))).rejects.toMatchObject(planned)
    expect(await backend.has(key('a'))).toBe(false)
    await vi.waitFor(async () => expect(await backend.has(key('a'))).toBe(true))
  })

  test('may be a delay, which an abort ends', async () => {
    const { backend } = await place({ kind: 'delay', on: 'put', chance: 1, delay: 20 })
    const start = performance.now()
    await backend.put(key('a'), body('a'))
    expect(performance.now() - start).toBeGreaterThan(15)
    const controller = new AbortController()
    const put = backend.put(key('b'), body('b'), { signal: controller.signal })
    controller.abort('enough')
    await expect(put).rejects.toBe('enough')
    expect(await backend.has(key('b'))).toBe(false)
  })

  test('may be a body that ends too early, one with a wrong bit, or one that fails', async () => {
    const { backend } = await place(
      { kind: 'truncate', on: 'read', at: 1 },
      { kind: 'corrupt', on: 'read', at: 2 },
      { kind: 'fail', on: 'read', at: 4 },
    )
    await backend.put(key('a'), body('content'))
    const read = async () => {
      const object = await backend.get(key('a'))
      expect(object?.size).toBe(7)
      return text(object?.body ?? fail())
    }
    expect(await read()).toBe('')
    const wrong = bytes(await read())
    expect(wrong).toHaveLength(7)
    expect(wrong.filter((byte, at) => byte !== bytes('content')[at])).toHaveLength(1)
    await expect(read()).rejects.toMatchObject(planned)
    expect(await read()).toBe('content')
  })

  test('leaves no spool behind', async () => {
    const { inner, backend } = await place({ kind: 'fail', on: 'put', chance: 1 }, { kind: 'fail', on: 'write', at: 1 })
    const spool = await backend.spool()
    await expect(spool.write([bytes('a')])).rejects.toMatchObject(planned)
    await spool.write([bytes('a')])
    await expect(backend.put(key('a'), { size: 1, sha256: new Uint8Array(32), spool })).rejects.toMatchObject(planned)
    await new Promise((resolve) => setTimeout(resolve, 2))
    expect(await inner.sweepSpools(0)).toBe(0)
  })

  test('passes a spool on unchanged if none is planned', async () => {
    const { backend } = await place()
    const spool = await backend.spool()
    await spool.write([bytes('spooled')])
    await backend.put(key('a'), { size: 7, sha256: new Uint8Array(32), spool })
    expect(await text((await backend.get(key('a')))?.body ?? fail())).toBe('spooled')
  })

  test('does not happen any more once the backend is healed', async () => {
    const { backend } = await place({ kind: 'fail', on: 'has', chance: 1 })
    await expect(backend.has(key('a'))).rejects.toMatchObject(planned)
    backend.heal()
    expect(await backend.has(key('a'))).toBe(false)
    expect(backend.calls('has')).toBe(2)
  })
})

test('the seed decides all random faults', async () => {
  const outcomes = async (seed: number) => {
    const faults = [{ kind: 'fail', chance: 0.2 }] as const
    const backend = faultyBackend(new MemoryBackend(), { seed, faults })
    const calls = Array.from({ length: 200 }, (_, index) => backend.has(key('abcdefgh'[index % 8] ?? 'a')))
    return (await Promise.allSettled(calls)).map(({ status }) => status)
  }
  const first = await outcomes(1)
  expect(await outcomes(1)).toEqual(first)
  expect(await outcomes(2)).not.toEqual(first)
  const failures = first.filter((status) => status === 'rejected').length
  expect(failures).toBeGreaterThan(20)
  expect(failures).toBeLessThan(60)
})

test.each<[string, unknown]>([
  ['an unknown kind', { kind: 'explode', at: 1 }],
  ['neither `at` nor `chance`', { kind: 'fail' }],
  ['both', { kind: 'fail', at: 1, chance: 0.5 }],
  ['a chance above 1', { kind: 'fail', chance: 2 }],
  ['a call before the first', { kind: 'fail', at: 0 }],
  ['an unknown method', { kind: 'fail', on: 'upload', at: 1 }],
  ['a body that ends early where none is read', { kind: 'truncate', on: 'get', at: 1 }],
  ['a misspelt option', { kind: 'fail', at: 1, methd: 'put' }],
])('a plan is refused that has %s', (_what, fault) => {
  const make = () => faultyBackend(new MemoryBackend(), { faults: [fault as Fault] })
  expect(make).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
})

test('a store on such a backend throws typed errors, and continues', async () => {
  const faults = [{ kind: 'fail', on: 'put', at: 1 }] as const
  const backend: BlobBackend = faultyBackend(new MemoryBackend(), { faults })
  const blobs = createBlobStore({
    janitor: false,
    backend,
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'] },
  })
  const error = await blobs.upload(alice, bytes('a')).catch((error: unknown) => error)
  expect(isBlobStoreError(error, 'StorageFailed')).toBe(true)
  await blobs.upload(alice, bytes('a'))
  await blobs.close()
})

function fail(): never {
  throw new Error('there is no such key')
}
