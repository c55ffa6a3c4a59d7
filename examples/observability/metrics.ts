import {
  type BackendTrace,
  type BlobStore,
  isBlobStoreError,
  type StoreTrace,
  type Traced,
  traceChannels,
} from 'pds-blobstore'

/** In seconds: from a small file on a disk to a long video over the network. */
const bounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60]

interface Histogram {
  buckets: number[]
  count: number
  sum: number
}

/** Counts and times operations and backend calls, for Prometheus, from its creation to `stop()`. */
export class Metrics {
  readonly #seconds = new Map<string, Histogram>()
  readonly #bytes = { uploaded: 0, read: 0 }
  readonly #stops: (() => void)[]

  constructor() {
    this.#stops = [
      ...Object.values(traceChannels.store).map((channel) =>
        this.#time(channel, ({ operation, error }: StoreTrace) => {
          return `blobstore_operation_seconds{operation="${operation}",outcome="${outcomeOf(error)}"}`
        }),
      ),
      ...Object.values(traceChannels.backend).map((channel) =>
        this.#time(channel, ({ backend, method, error }: BackendTrace) => {
          return `blobstore_backend_seconds{backend="${backend}",method="${method}",outcome="${outcomeOf(error)}"}`
        }),
      ),
      onEnd(traceChannels.store.upload, ({ result }) => {
        this.#bytes.uploaded += Number(result?.size ?? 0)
      }),
      onEnd(traceChannels.store.read, ({ result }) => {
        this.#bytes.read += Number(result?.length ?? result?.size ?? 0)
      }),
    ]
  }

  /** In Prometheus' text format. `stats()` reads the row of every account: once a minute is often enough. */
  async text(blobs: BlobStore): Promise<string> {
    const { storedBytes, storedCount, doomedCount, accounts, reserved } = await blobs.stats()
    const lines = [...this.#seconds].flatMap(([series, histogram]) => linesOf(series, histogram))
    return [
      ...['# TYPE blobstore_operation_seconds histogram', '# TYPE blobstore_backend_seconds histogram', ...lines],
      ...Object.entries(this.#bytes).map(([name, bytes]) => `blobstore_bytes_total{direction="${name}"} ${bytes}`),
      ...[`blobstore_stored_bytes ${storedBytes}`, `blobstore_stored_objects ${storedCount}`],
      ...[`blobstore_doomed_objects ${doomedCount}`, `blobstore_accounts ${accounts}`],
      ...[`blobstore_reserved_bytes ${reserved}`, ''],
    ].join('\n')
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #time<Message extends object>(channel: Traced<Message>, seriesOf: (message: Message) => string): () => void {
    const starts = new WeakMap<object, number>()
    const onStart = (message: unknown): void => void starts.set(message as Message, performance.now())
    channel.start.subscribe(onStart)
    const stop = onEnd(channel, (message) => {
      const seconds = (performance.now() - (starts.get(message) ?? Number.NaN)) / 1000
      if (!Number.isNaN(seconds)) this.#observe(seriesOf(message), seconds)
    })
    return () => {
      channel.start.unsubscribe(onStart)
      stop()
    }
  }

  #observe(series: string, seconds: number): void {
    const histogram = this.#seconds.get(series) ?? { buckets: [], count: 0, sum: 0 }
    this.#seconds.set(series, histogram)
    histogram.count += 1
    histogram.sum += seconds
    histogram.buckets = bounds.map((bound, index) => (histogram.buckets[index] ?? 0) + (seconds <= bound ? 1 : 0))
  }
}

function onEnd<Message extends object>(channel: Traced<Message>, told: (message: Message) => void): () => void {
  const listener = (message: unknown): void => told(message as Message)
  channel.asyncEnd.subscribe(listener)
  return () => channel.asyncEnd.unsubscribe(listener)
}

/** A label with few values: the closed list of codes. */
const outcomeOf = (error: unknown): string => (isBlobStoreError(error) ? error.code : error ? 'other' : 'ok')

function linesOf(series: string, { buckets, count, sum }: Histogram): string[] {
  const [name = '', labels = ''] = series.slice(0, -1).split('{')
  const lines = buckets.map((value, index) => `${name}_bucket{${labels},le="${bounds[index]}"} ${value}`)
  return [
    ...lines,
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ]
}
