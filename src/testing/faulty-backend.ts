import type { BackendObject, BlobBackend, PutBody, Spool } from '../backend/backend.ts'
import { BlobStoreError } from '../errors.ts'
import { assertOptions, assertWhole } from '../options.ts'

/** What is counted as a call: the backend's own methods, a spool's `write` and `discard`, and `read`, a chunk of a body. */
export type FaultyMethod = Exclude<keyof BlobBackend, 'name' | 'durable' | 'presign' | 'close'> | keyof Spool | 'read'

/**
 * | kind | what happens |
 * |---|---|
 * | `fail` | the call rejects before it has an effect |
 * | `lose` | it has its effect and then rejects: the answer was lost |
 * | `late` | it rejects, and has its effect `delay` milliseconds later |
 * | `delay` | it is made `delay` milliseconds later; an abort ends the waiting |
 * | `truncate` | a body ends here, as if there were no more bytes (only `read`) |
 * | `corrupt` | a bit of the chunk is wrong (only `read`) |
 */
export type FaultKind = 'fail' | 'lose' | 'late' | 'delay' | 'truncate' | 'corrupt'

/** Something that goes wrong: `at` one call, or by `chance`. */
export interface Fault {
  kind: FaultKind
  /** Only calls of this method. @default calls of every method */
  on?: FaultyMethod | undefined
  /** At the n-th of these calls, from 1. */
  at?: number | undefined
  /** At each of these calls with this probability, from 0 to 1. */
  chance?: number | undefined
  /** What the call rejects with. @default `StorageFailed`, transient */
  error?: BlobStoreError | undefined
  /** In milliseconds. @default 0 */
  delay?: number | undefined
}

export interface FaultPlan {
  /** The first that applies to a call happens. */
  faults: readonly Fault[]
  /** Decides on all chances: the same calls in the same order go wrong in the same way. @default 1 */
  seed?: number | undefined
}

export interface FaultyBackend extends BlobBackend {
  /** How many calls there were, of all methods or of one. */
  calls(method?: FaultyMethod): number
  /** How many faults there were, of all kinds or of one. */
  faults(kind?: FaultKind): number
  /** From now on nothing goes wrong any more; calls are still counted. */
  heal(): void
}

/**
 * A backend on which things go wrong as planned, for testing what is built on a blob store: what a host does on a full
 * disk, when a deletion fails, or when bytes come back damaged.
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

  /** Makes a call. `unheard` is what becomes of a result that nobody gets to know. */
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
      // The spool is the backend's from the call on, whatever its outcome.
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
    calls: (method) => calls.get(method) ?? 0,
    faults: (kind) => happened.get(kind) ?? 0,
    heal: () => {
      healed = true
    },
    ...(inner.presign && { presign: inner.presign.bind(inner) }), // asks nothing of the place, so nothing can fail
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
    writeMarker: (text, options) => call('writeMarker', () => inner.writeMarker(text, options), options?.signal),
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const kinds: readonly FaultKind[] = ['fail', 'lose', 'late', 'delay', 'truncate', 'corrupt']

const onlyRead = (kind: FaultKind): boolean => kind === 'truncate' || kind === 'corrupt'

function checkedFaults(plan: FaultPlan): readonly Fault[] {
  assertOptions('faultyBackend: plan', plan, ['faults', 'seed'])
  for (const fault of plan.faults) {
    assertOptions('faultyBackend: fault', fault, ['kind', 'on', 'at', 'chance', 'error', 'delay'])
    const { kind, at, chance, delay = 0 } = fault
    if (!kinds.includes(kind)) throw invalid(`kind must be one of ${kinds.join(', ')}`)
    if ((at === undefined) === (chance === undefined)) throw invalid('either `at` or `chance` says when')
    if (at !== undefined) assertWhole('faultyBackend: at', at, 1)
    if (chance !== undefined && !(chance >= 0 && chance <= 1)) throw invalid('`chance` is a number from 0 to 1')
    assertWhole('faultyBackend: delay', delay, 0)
  }
  return plan.faults
}

function invalid(why: string): BlobStoreError {
  return new BlobStoreError('InvalidArgument', `faultyBackend: ${why}`)
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
