import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { sys } from '../../../src/backend/files/system-calls.ts'
import { type BackendObject, BlobStoreError } from '../../../src/index.ts'
import { ObjectBackend, type ObjectService } from '../../../src/object-backend.ts'
import { collect, makeBlob, putBlob } from '../../../src/testing/blobs.ts'
import { mapService } from './map-service.ts'

// What the conformance suite cannot see: how often a service is called, and what happens to its errors.

const spoolDirectory = mkdtempSync(join(tmpdir(), 'pds-blobstore-objects-'))
afterEach(() => expect(readdirSync(spoolDirectory)).toEqual([]))
afterAll(() => rmSync(spoolDirectory, { recursive: true }))

type Method = keyof ObjectService

/** A backend over a service in memory with some methods replaced, and the calls that were made. */
async function place(replaced: Partial<ObjectService> = {}, options: { timeout?: number } = {}) {
  const objects = new Map<string, Uint8Array>()
  const calls: Method[] = []
  const whole = { ...mapService(objects), ...replaced }
  const counted = (method: Method) =>
    ((...args: [never, never, never]) => {
      calls.push(method)
      return whole[method](...args)
    }) as never
  const service: ObjectService = {
    put: counted('put'),
    get: counted('get'),
    delete: counted('delete'),
    list: counted('list'),
  }
  const backend = new ObjectBackend({ service, name: 'ours', durable: true, spoolDirectory, ...options })
  await backend.open()
  calls.length = 0
  return { backend, objects, calls }
}

/** Fails the first `times` calls, then does what the service in memory does. */
function failing<M extends Method>(method: M, times: number, error: Error): ObjectService[M] {
  const inner = mapService()[method] as (...args: unknown[]) => Promise<unknown>
  let left = times
  return (async (...args: unknown[]) => {
    if (left-- > 0) throw error
    return await inner(...args)
  }) as ObjectService[M]
}

const cut = new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) })
const denied = new BlobStoreError('StorageFailed', 'the service answered 403')
const silent = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('ObjectBackend', () => {
  test('retries where the network failed, but never stores twice', async () => {
    const { backend, calls } = await place({ get: failing('get', 2, cut), put: failing('put', 1, cut) })
    expect(await backend.get(makeBlob(10).key)).toBeNull()
    expect(calls).toEqual(['get', 'get', 'get'])
    const { key, body } = makeBlob(10)
    await expect(backend.put(key, body)).rejects.toMatchObject({ code: 'StorageFailed', transient: true })
    expect(calls.filter((call) => call === 'put')).toEqual(['put'])
  })

  test('does not retry what the service refuses for good', async () => {
    const { backend, calls } = await place({ get: failing('get', 9, denied) })
    const { key } = makeBlob(10)
    await expect(backend.get(key)).rejects.toMatchObject({
      message: `Cannot read ${key}: the service answered 403`,
      code: 'StorageFailed',
      backend: 'ours',
      transient: false,
    })
    expect(calls).toEqual(['get'])
  })

  test('keeps the address out of the message of a network error', async () => {
    const error = new Error('connect to https://user:secret@storage failed')
    const { backend } = await place({ put: failing('put', 1, error) })
    const { key, body } = makeBlob(10)
    const failure = await backend.put(key, body).catch((caught) => caught)
    expect(failure.message).not.toContain('secret')
    expect(failure.cause).toBe(error)
  })

  test('reports a service without space as full', async () => {
    const { backend } = await place({ put: failing('put', 1, new BlobStoreError('StorageFull', 'no space')) })
    const { key, body } = makeBlob(10)
    await expect(backend.put(key, body)).rejects.toMatchObject({ code: 'StorageFull', backend: 'ours' })
  })

  test('waits for a silent service no longer than its timeout, in a call and in a body', {
    timeout: 20_000,
  }, async () => {
    const { backend } = await place(
      {
        put: (_, __, { signal }) => silent(signal),
        get: async (_, { signal }) => ({ size: 10, body: stalling(signal) }),
      },
      { timeout: 50 },
    )
    const { key, body } = makeBlob(10)
    const late = { code: 'StorageFailed', transient: true, message: expect.stringContaining('did not answer in time') }
    await expect(backend.put(key, body)).rejects.toMatchObject(late)
    const object = await backend.get(key)
    await expect(bytesOf(object)).rejects.toMatchObject(late)
  })

  test('waits as long as a slow reader needs', async () => {
    const { backend } = await place({}, { timeout: 50 })
    const blob = await putBlob(backend, 300_000)
    const object = await backend.get(blob.key)
    const chunks: Uint8Array[] = []
    for await (const chunk of object?.body ?? []) {
      chunks.push(chunk)
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    expect(Buffer.concat(chunks).equals(blob.bytes)).toBe(true)
  })

  test('accepts neither fewer nor more bytes than the service announced', async () => {
    const sized = (size: number): Partial<ObjectService> => ({
      get: async () => ({ size, body: ReadableStream.from([new Uint8Array(10)]) }),
    })
    for (const size of [11, 9]) {
      const { backend } = await place(sized(size))
      const object = await backend.get(makeBlob(1).key)
      await expect(bytesOf(object)).rejects.toMatchObject({ code: 'StorageFailed', backend: 'ours' })
    }
  })

  test.each([undefined, Number.NaN, -1, 1.5])('refuses a response of size %s, and ends it', async (size) => {
    const signals: AbortSignal[] = []
    const { backend, calls } = await place({
      get: async (_, { signal }) => {
        signals.push(signal)
        return { size: size as number, body: stalling(signal) }
      },
    })
    await expect(backend.get(makeBlob(1).key)).rejects.toMatchObject({
      message: expect.stringContaining('does not say how many bytes'),
      transient: false,
    })
    expect(calls).toEqual(['get'])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  test('ends a response whose object does not contain the range', async () => {
    const signals: AbortSignal[] = []
    const { backend } = await place({
      get: async (_, { signal }) => {
        signals.push(signal)
        return { size: 10, body: stalling(signal) }
      },
    })
    const range = { start: 5, end: 10 }
    await expect(backend.get(makeBlob(1).key, { range })).rejects.toMatchObject({ code: 'InvalidRange' })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  test('reads a marker again whose response was cut', async () => {
    const [whole, part] = [Buffer.from('a marker'), Buffer.from('a m')]
    let asked = 0
    const { backend } = await place({
      get: async () => ({ size: 8, body: ReadableStream.from([++asked < 3 ? part : whole]) }),
    })
    expect(await backend.readMarker()).toBe('a marker')
    expect(asked).toBe(3)
  })

  // Fails when errors of the file are left to the service, which takes them for the network's.
  test('reports a failing spool file as such, whatever the service says of it', async () => {
    const { backend } = await place({
      put: async (_, body) => {
        try {
          for await (const _ of body);
        } catch {
          throw cut
        }
      },
    })
    const { key, body, bytes } = makeBlob(300_000)
    const spool = await backend.spool()
    await spool.write([bytes])
    const failing = vi
      .spyOn(sys, 'read')
      .mockRejectedValue(Object.assign(new Error(), { code: 'EIO', syscall: 'read' }))
    const { size, sha256 } = body
    await expect(backend.put(key, { size, sha256, spool })).rejects.toMatchObject({
      message: expect.stringMatching(/^Cannot store .*: the device failed/),
      transient: false,
    })
    failing.mockRestore()
  })

  // Fails when the descriptor is closed as soon as the service has given up: it may be another file's by then.
  test('closes a spool file only when nothing reads it any more', async () => {
    const { backend } = await place({
      put: async (_, body) => {
        void body[Symbol.asyncIterator]().next()
        throw denied
      },
    })
    const { key, body, bytes } = makeBlob(300_000)
    const spool = await backend.spool()
    await spool.write([bytes])
    const done: string[] = []
    const { read, closeRead } = sys
    vi.spyOn(sys, 'read').mockImplementation(async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      done.push('read')
      return await read(...args)
    })
    vi.spyOn(sys, 'closeRead').mockImplementation(async (fd) => {
      done.push('closed')
      await closeRead(fd)
    })
    const { size, sha256 } = body
    await expect(backend.put(key, { size, sha256, spool })).rejects.toMatchObject({ backend: 'ours' })
    vi.restoreAllMocks()
    expect(done).toEqual(['read', 'closed'])
  })

  test('calls the four methods of the host’s service and no others, with the service as this', async () => {
    const others = { head: vi.fn(), check: vi.fn(), close: vi.fn(), deleteMany: vi.fn(), presign: vi.fn() }
    class Ours implements ObjectService {
      readonly #inner = mapService()
      put: ObjectService['put'] = (...args) => this.#inner.put(...args)
      get: ObjectService['get'] = (...args) => this.#inner.get(...args)
      delete: ObjectService['delete'] = (...args) => this.#inner.delete(...args)
      list(options: Parameters<ObjectService['list']>[0]) {
        return this.#inner.list(options)
      }
    }
    const service = Object.assign(new Ours(), others)
    const backend = new ObjectBackend({ service, name: 'ours', durable: true, spoolDirectory })
    await backend.open()
    const blobs = [await putBlob(backend, 10), await putBlob(backend, 10)]
    expect(await backend.has(blobs[0]?.key ?? '')).toBe(true)
    expect(await backend.delete(blobs.map(({ key }) => key))).toEqual(new Map())
    await backend.close()
    expect('presign' in backend && backend.presign).toBeFalsy()
    for (const other of Object.values(others)) expect(other).not.toHaveBeenCalled()
  })

  test('lists no names that are not keys, and continues after a page of them', async () => {
    const { backend, objects } = await place()
    const { key } = await putBlob(backend, 10)
    for (const name of ['blobs/README', 'blobs/a', 'blobs/zzz', 'other']) objects.set(name, new Uint8Array(1))
    const found: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await backend.list({ cursor, limit: 2 })
      found.push(...page.keys)
      cursor = page.cursor
    }
    expect(found).toEqual([key])
  })

  test('reports the keys that could not be deleted, and deletes the others', async () => {
    const { backend, objects } = await place()
    const [kept, gone] = [await putBlob(backend, 10), await putBlob(backend, 10)]
    const { backend: failingBackend } = await place({
      delete: async (name) => {
        if (name.includes(kept.key)) throw denied
        objects.delete(name)
      },
    })
    const failed = await failingBackend.delete([kept.key, gone.key])
    expect([...failed.keys()]).toEqual([kept.key])
    expect(failed.get(kept.key)).toMatchObject({ backend: 'ours' })
    expect([...objects.keys()]).toEqual([`blobs/${kept.key}`])
  })

  test('reports an absent service when it opens', async () => {
    await expect(place({ list: failing('list', 9, denied) })).rejects.toMatchObject({
      message: 'Cannot open backend "ours": the service answered 403',
    })
  })

  test.each([
    ['no service', { service: undefined, name: 'ours', durable: true }],
    ['nothing said of durability', { service: mapService(), name: 'ours' }],
    ['a name that is none', { service: mapService(), name: 'Our Own', durable: true }],
    ['an option that nobody reads', { service: mapService(), name: 'ours', durable: true, retries: 3 }],
    ['a timeout of nothing', { service: mapService(), name: 'ours', durable: true, timeout: 0 }],
  ])('refuses %s', (_, options) => {
    expect(() => new ObjectBackend(options as never)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
  })
})

async function* stalling(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(5)
  await silent(signal)
}

async function bytesOf(object: BackendObject | null): Promise<Uint8Array> {
  if (object === null) throw new Error('There is no object')
  return collect(object.body)
}

/** A body of these chunks that reports whether it is open: neither read to its end nor closed. */
function openBody(...chunks: Uint8Array[]) {
  const left = [...chunks]
  const state = { isOpen: true }
  const end = () => {
    state.isOpen = false
    return { done: true as const, value: undefined }
  }
  const body: AsyncIterableIterator<Uint8Array> = {
    async next() {
      const value = left.shift()
      return value ? { done: false, value } : end()
    },
    return: async () => end(),
    [Symbol.asyncIterator]: () => body,
  }
  return { body, state }
}

describe('the body of a service', () => {
  test('that continues after the last byte is closed', async () => {
    const { body, state } = openBody(new Uint8Array(10), new Uint8Array(10))
    const { backend } = await place({ get: async () => ({ size: 10, body }) })
    const object = await backend.get(makeBlob(10).key)
    expect(await collect(object?.body as BackendObject['body'])).toHaveLength(10)
    expect(state.isOpen).toBe(false)
  })

  test('that arrives after the abort is closed', async () => {
    const { body, state } = openBody(new Uint8Array(10))
    const abort = new AbortController()
    const { backend } = await place({
      async get() {
        abort.abort()
        return { size: 10, body }
      },
    })
    await expect(backend.get(makeBlob(10).key, { signal: abort.signal })).rejects.toBe(abort.signal.reason)
    expect(state.isOpen).toBe(false)
  })
})
