import type { BackendObject, BlobBackend, PutBody, Spool } from '../backend/backend.ts'
import { BlobStoreError } from '../errors.ts'
import {
  checkedFaults,
  type Fault,
  type FaultKind,
  type FaultPlan,
  type FaultyMethod,
  onlyRead,
  seededRandom,
} from './fault-plan.ts'

export interface FaultyBackend extends BlobBackend {
  /** How many calls there were, of all methods or of one. */
  calls(method?: FaultyMethod): number
  /** How many faults there were, of all kinds or of one. */
  faults(kind?: FaultKind): number
  /** Stops all faults from now on; calls are still counted. */
  heal(): void
}

/**
 * A backend that fails as planned, for testing what is built on a blob store: what a host does on a full disk, when a
 * deletion fails, or when bytes are damaged.
 *
 * @example
 * ```ts
 * import { BlobStoreError, createBlobStore, MemoryBackend, sqliteMetadata } from 'pds-blobstore'
 * import { faultyBackend } from 'pds-blobstore/testing'
 *
 * const full = new BlobStoreError('StorageFull', 'No space left')
 * const backend = faultyBackend(new MemoryBackend(), {
 *   seed: 42,
 *   faults: [
 *     { kind: 'fail', on: 'put', at: 3, error: full },
 *     { kind: 'lose', chance: 0.01 },
 *   ],
 * })
 * const blobs = createBlobStore({ backend, metadata: sqliteMetadata(':memory:') })
 * ```
 *
 * @throws `InvalidArgument`
 */
export function faultyBackend(inner: BlobBackend, plan: FaultPlan): FaultyBackend {
  const faults = checkedFaults(plan)
  const random = seededRandom(plan.seed ?? 1)
  const planned = new BlobStoreError('StorageFailed', 'A fault that was planned; try again', {
    backend: inner.name,
    transient: true,
  })
  const calls = new Map<FaultyMethod | undefined, number>()
  const happened = new Map<FaultKind | undefined, number>()
  const spools = new WeakMap<Spool, Spool>()
  let healed = false

  function next(method: FaultyMethod): Fault | undefined {
    count(calls, method)
    if (healed) return undefined
    const fault = faults.find(({ kind, on, at, chance }) => {
      if ((on ?? method) !== method || (method !== 'read' && onlyRead(kind))) return false
      return at === undefined ? random() < (chance ?? 0) : calls.get(on) === at
    })
    if (fault) count(happened, fault.kind)
    return fault
  }

  /** Runs a call. `unheard` handles a result that the caller never gets. */
  async function call<T>(
    method: FaultyMethod,
    run: () => Promise<T>,
    signal?: AbortSignal | undefined,
    unheard: (result: T) => unknown = () => {},
  ): Promise<T> {
    const fault = next(method)
    if (fault === undefined) return run()
    const { kind, delay = 0, error = planned } = fault
    if (kind === 'delay') {
      await wait(delay, signal)
      return run()
    }
    const runUnheard = async (): Promise<void> => void (await unheard(await run()))
    if (kind === 'lose') await runUnheard()
    if (kind === 'late') setTimeout(() => runUnheard().catch(() => {}), delay)
    throw error
  }

  function faultySpool(spool: Spool): Spool {
    const faulty: Spool = {
      write: (chunks) => call('write', () => spool.write(chunks)),
      readBack: (start, end) => call('readBack', () => spool.readBack(start, end)),
      discard: () => call('discard', () => spool.discard()),
    }
    spools.set(faulty, spool)
    return faulty
  }

  async function put(key: string, { spool, ...body }: PutBody, signal: AbortSignal | undefined): Promise<void> {
    const taken = spool && (spools.get(spool) ?? spool)
    const whole = (taken ? { ...body, spool: taken } : body) as PutBody
    let begun = false
    const run = (): Promise<void> => {
      begun = true
      return inner.put(key, whole, { signal })
    }
    try {
      await call('put', run, signal)
    } catch (error) {
      // The spool belongs to the backend from the call on, whatever the outcome.
      if (!begun) await taken?.discard()
      throw error
    }
  }

  function faultyObject({ size, body }: BackendObject): BackendObject {
    const end = { done: true, value: undefined } as const
    const close = async (): Promise<IteratorReturnResult<undefined>> => {
      await body.return?.()
      return end
    }
    const faulty: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => faulty,
      return: close,
      async next() {
        const fault = next('read')
        if (fault?.kind === 'truncate') return close()
        if (fault?.kind === 'delay') await wait(fault.delay ?? 0)
        else if (fault && fault.kind !== 'corrupt') {
          await close()
          throw fault.error ?? planned
        }
        const chunk = await body.next()
        return fault?.kind === 'corrupt' && !chunk.done ? { value: withWrongBit(chunk.value, random) } : chunk
      },
    }
    return { size, body: faulty }
  }

  const release = (object: BackendObject | null): unknown => object?.body.return?.()

  return {
    name: inner.name,
    durable: inner.durable,
    ...(inner.location !== undefined && { location: inner.location }),
    calls: (method) => calls.get(method) ?? 0,
    faults: (kind) => happened.get(kind) ?? 0,
    heal: () => {
      healed = true
    },
    ...(inner.freeBytes && { freeBytes: inner.freeBytes.bind(inner) }),
    ...(inner.presign && { presign: inner.presign.bind(inner) }), // sends no request, so it cannot fail
    close: () => inner.close(),
    put: (key, body, options) => put(key, body, options?.signal),
    get: async (key, options) => {
      const object = await call('get', () => inner.get(key, options), options?.signal, release)
      return object && faultyObject(object)
    },
    spool: async (options) => faultySpool(await call('spool', () => inner.spool(options), options?.signal)),
    open: (options) => call('open', () => inner.open(options), options?.signal),
    has: (key, options) => call('has', () => inner.has(key, options), options?.signal),
    delete: (keys, options) => call('delete', () => inner.delete(keys, options), options?.signal),
    list: (options) => call('list', () => inner.list(options), options?.signal),
    sweepSpools: (age, options) => call('sweepSpools', () => inner.sweepSpools(age, options), options?.signal),
    readMarker: (options) => call('readMarker', () => inner.readMarker(options), options?.signal),
    claimMarker: (text, options) => call('claimMarker', () => inner.claimMarker(text, options), options?.signal),
    writeMarker: (text, options) => call('writeMarker', () => inner.writeMarker(text, options), options?.signal),
  }
}

function count<K>(counts: Map<K | undefined, number>, name: K): void {
  for (const key of [undefined, name]) counts.set(key, (counts.get(key) ?? 0) + 1)
}

function wait(milliseconds: number, signal?: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', onAbort)
  })
}

function withWrongBit(chunk: Uint8Array, random: () => number): Uint8Array {
  const wrong = chunk.slice()
  const at = Math.floor(random() * wrong.byteLength)
  wrong[at] = (wrong[at] ?? 0) ^ 1
  return wrong
}
