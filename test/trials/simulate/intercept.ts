import { byteCount } from '../../../src/backend/arguments.ts'
import type { BackendObject, BlobBackend, Spool } from '../../../src/index.ts'
import type { FaultyMethod } from '../../../src/testing.ts'

/**
 * What is between a store and its backend. Aborting a call does not stop what was begun: no signal is passed on. `half`
 * is the same with half the bytes, if there are any.
 */
export type Intercept = <T>(
  method: FaultyMethod,
  run: () => Promise<T>,
  more: { signal?: AbortSignal | undefined; half?: () => Promise<unknown> },
) => Promise<T>

/** A backend each of whose calls passes through `intercept`. It is not closed: another process may use it. */
export function interceptBackend(inner: BlobBackend, intercept: Intercept): BlobBackend {
  const spools = new WeakMap<Spool, Spool>()
  const spoolOf = (spool: Spool): Spool => {
    const outer: Spool = {
      write: (chunks) => intercept('write', () => spool.write(chunks), { half: () => spool.write(halfOf(chunks)) }),
      readBack: (start, end) => intercept('readBack', () => spool.readBack(start, end), {}),
      discard: () => intercept('discard', () => spool.discard(), {}),
    }
    spools.set(outer, spool)
    return outer
  }
  const objectOf = ({ size, body }: BackendObject): BackendObject => {
    const outer: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => outer,
      next: () => intercept('read', () => body.next(), {}),
      return: async () => (await body.return?.()) ?? { done: true, value: undefined },
    }
    return { size, body: outer }
  }
  return {
    name: inner.name,
    durable: inner.durable,
    close: async () => {},
    open: () => intercept('open', () => inner.open(), {}),
    spool: async (options) => spoolOf(await intercept('spool', () => inner.spool(), options ?? {})),
    put: (key, body, options) => {
      const given = body.spool ? { ...body, spool: spools.get(body.spool) ?? body.spool } : body
      const half = async (): Promise<void> => {
        if (body.chunks)
          await inner.put(key, { ...body, size: byteCount(halfOf(body.chunks)), chunks: halfOf(body.chunks) })
      }
      return intercept('put', () => inner.put(key, given), { signal: options?.signal, half })
    },
    get: async (key, { signal, ...options } = {}) => {
      const object = await intercept('get', () => inner.get(key, options), { signal })
      return object && objectOf(object)
    },
    has: (key, options) => intercept('has', () => inner.has(key), options ?? {}),
    delete: (keys, options) => intercept('delete', () => inner.delete(keys), options ?? {}),
    list: ({ signal, ...options } = {}) => intercept('list', () => inner.list(options), { signal }),
    sweepSpools: (age, options) => intercept('sweepSpools', () => inner.sweepSpools(age), options ?? {}),
    readMarker: (options) => intercept('readMarker', () => inner.readMarker(), options ?? {}),
    claimMarker: (text, options) => intercept('claimMarker', () => inner.claimMarker(text), options ?? {}),
    writeMarker: (text, options) => intercept('writeMarker', () => inner.writeMarker(text), options ?? {}),
  }
}

function halfOf(chunks: readonly Uint8Array[]): Uint8Array[] {
  const all = Buffer.concat(chunks)
  return [all.subarray(0, all.byteLength >> 1)]
}
