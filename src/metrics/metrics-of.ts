import { setTimeout } from 'node:timers/promises'
import type { BlobStore } from '../blob-store.ts'
import type { StoreHealth } from '../maintenance/health.ts'
import type { StoreStats } from '../metadata/types.ts'
import { assertDelay, assertOptions } from '../options.ts'
import { type StoreOperation, type StoreTrace, type TraceResult, traceChannels } from '../tracing/channels.ts'
import { Latencies } from './latencies.ts'
import { family, gauges, quoted } from './text-format.ts'

export interface MetricsOptions {
  /**
   * How old the numbers of `stats()` may be, in milliseconds: it reads a row of every account and of every object.
   * @default 300_000 (5 min)
   */
  statsEvery?: number | undefined
  /** How long a scrape waits for `stats()` and `health()`, in milliseconds. Then it has the former numbers. @default 3000 */
  timeout?: number | undefined
}

/** The numbers of a store, for Prometheus. Counts from its creation to `stop()`. */
export interface BlobStoreMetrics extends Disposable {
  /** In Prometheus' text format. Never rejects: what does not answer is missing, and `blobstore_up` is 0. */
  text(): Promise<string>
  /** The same as a response, for the route that Prometheus scrapes. Nobody else should reach it. */
  handler(): Promise<Response>
  /** Counts no more. Then traces cost nothing again. */
  stop(): void
}

/** Jobs whose last end is shown. */
const jobs = [
  'collect',
  'sweep',
  'scrub',
  'mirror',
  'heal',
  'backup',
  'markBackup',
] as const satisfies readonly StoreOperation[]

/**
 * Counts and times what a store does. The tracing channels belong to the process: with several stores in it, operations
 * of all are counted, and `stats()` is of this one.
 *
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { metricsOf } from 'pds-blobstore/metrics'
 *
 * declare const blobs: BlobStore
 * const metrics = metricsOf(blobs)
 * const text = await metrics.text() // what /metrics answers
 * ```
 *
 * @throws `InvalidArgument`
 */
export function metricsOf(blobs: BlobStore, options: MetricsOptions = {}): BlobStoreMetrics {
  assertOptions('metricsOf', options, ['statsEvery', 'timeout'])
  const { statsEvery = 300_000, timeout = 3000 } = options
  assertDelay('metricsOf: statsEvery', statsEvery, 0)
  assertDelay('metricsOf: timeout', timeout, 1)
  const operations = new Latencies('blobstore_operation_seconds')
  const calls = new Latencies('blobstore_backend_seconds')
  const bytes = { upload: 0, read: 0 }
  const lastJobs = new Map<string, { endedAt: number; result: TraceResult }>()
  const stops = [
    ...Object.values(traceChannels.store).map((channel) =>
      operations.listen(channel, ({ operation }) => labelOf(operation)),
    ),
    ...Object.values(traceChannels.backend).map((channel) =>
      calls.listen(channel, ({ backend, method }) => `backend=${quoted(backend)},method="${method}"`),
    ),
    ...(['upload', 'resumable.finish'] as const).map((operation) =>
      onSuccess(operation, ({ size }) => {
        bytes.upload += Number(size ?? 0)
      }),
    ),
    onSuccess('read', ({ length, size }) => {
      bytes.read += Number(length ?? size ?? 0)
    }),
    ...jobs.map((job) => onSuccess(job, (result) => void lastJobs.set(job, { endedAt: Date.now() / 1000, result }))),
  ]
  const stats = new Refreshed<StoreStats>(() => blobs.stats(), statsEvery)
  const health = new Refreshed<StoreHealth>(() => blobs.health({ timeout }), 1000)

  return { text, handler, stop, [Symbol.dispose]: stop }

  async function text(): Promise<string> {
    const [totals, condition] = await Promise.all([stats.get(timeout), health.get(timeout + 100)])
    return [
      ...family('blobstore_operation_seconds', 'histogram', 'Calls of the store, by outcome', operations.lines()),
      ...family('blobstore_backend_seconds', 'histogram', 'Calls of backends, by outcome', calls.lines()),
      ...family('blobstore_bytes_total', 'counter', 'Bytes of uploads and of opened blobs', [
        ...Object.entries(bytes).map(
          ([operation, value]) => `blobstore_bytes_total{operation="${operation}"} ${value}`,
        ),
      ]),
      ...gauges(lastJobs, totals, condition),
      '',
    ].join('\n')
  }

  async function handler(): Promise<Response> {
    return new Response(await text(), {
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
    })
  }

  function stop(): void {
    for (const each of stops.splice(0)) each()
  }
}

const labels = new Map<StoreOperation, string>()

function labelOf(operation: StoreOperation): string {
  const known = labels.get(operation) ?? `operation="${operation}"`
  labels.set(operation, known)
  return known
}

function onSuccess(operation: StoreOperation, then: (result: TraceResult) => void): () => void {
  const { asyncEnd } = traceChannels.store[operation]
  const listener = (message: unknown): void => {
    const { result, error } = message as StoreTrace
    if (!error) then(result ?? {})
  }
  asyncEnd.subscribe(listener)
  return () => asyncEnd.unsubscribe(listener)
}

/** A value that is asked for at most so often, by one call at a time. */
class Refreshed<T> {
  readonly #ask: () => Promise<T>
  readonly #every: number
  #value: T | undefined
  #at = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(ask: () => Promise<T>, every: number) {
    this.#ask = ask
    this.#every = every
  }

  /** The value, or the former one if the new one takes longer; undefined if there is none, or asking failed. */
  async get(timeout: number): Promise<T | undefined> {
    if (performance.now() - this.#at >= this.#every) this.#asking ??= this.#refresh()
    if (this.#asking) await Promise.race([this.#asking, setTimeout(timeout, undefined, { ref: false })])
    return this.#value
  }

  async #refresh(): Promise<void> {
    try {
      this.#value = await this.#ask()
    } catch {
      this.#value = undefined
    } finally {
      this.#at = performance.now()
      this.#asking = undefined
    }
  }
}
