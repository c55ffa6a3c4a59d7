import type { BlobBackend, ByteRange } from '../backend/backend.ts'
import { type BackendMethod, type BackendTrace, type TraceResult, traceChannels } from './channels.ts'
import { trace } from './trace.ts'

/**
 * The same backend, whose calls are published on their tracing channels. Without subscribers a call is passed on
 * directly.
 */
export function tracedBackend(inner: BlobBackend): BlobBackend {
  /** To be called only if the method's channel has subscribers. */
  function publish<T>(
    method: BackendMethod,
    details: Omit<BackendTrace, 'method' | 'backend'>,
    call: () => Promise<T>,
    summary: (result: T) => TraceResult | undefined = () => undefined,
  ): Promise<T> {
    return trace(traceChannels.backend[method], { method, backend: inner.name, ...details }, call, summary)
  }

  const { backend: on } = traceChannels
  const traced: BlobBackend = {
    get name() {
      return inner.name
    },
    get durable() {
      return inner.durable
    },
    ...(inner.location !== undefined && { location: inner.location }),
    open: (options) => (on.open.hasSubscribers ? publish('open', {}, () => inner.open(options)) : inner.open(options)),
    close: () => (on.close.hasSubscribers ? publish('close', {}, () => inner.close()) : inner.close()),
    spool: (options) =>
      on.spool.hasSubscribers ? publish('spool', {}, () => inner.spool(options)) : inner.spool(options),
    put: (key, body, options) => {
      if (!on.put.hasSubscribers) return inner.put(key, body, options)
      return publish('put', { key, size: body.size }, () => inner.put(key, body, options))
    },
    get: (key, options) => {
      if (!on.get.hasSubscribers) return inner.get(key, options)
      const range = options?.range
      const found = (object: { size: number } | null) => (object ? openedOf(object.size, range) : { found: false })
      return publish('get', { key, ...(range && { range: { ...range } }) }, () => inner.get(key, options), found)
    },
    has: (key, options) => {
      if (!on.has.hasSubscribers) return inner.has(key, options)
      return publish(
        'has',
        { key },
        () => inner.has(key, options),
        (found) => ({ found }),
      )
    },
    delete: (keys, options) => {
      if (!on.delete.hasSubscribers) return inner.delete(keys, options)
      const failures = (failed: Map<string, Error>) => ({ failed: failed.size })
      return publish('delete', { keys: keys.length }, () => inner.delete(keys, options), failures)
    },
    list: (options) => {
      if (!on.list.hasSubscribers) return inner.list(options)
      return publish(
        'list',
        {},
        () => inner.list(options),
        ({ keys }) => ({ items: keys.length }),
      )
    },
    sweepSpools: (age, options) => {
      if (!on.sweepSpools.hasSubscribers) return inner.sweepSpools(age, options)
      return publish(
        'sweepSpools',
        {},
        () => inner.sweepSpools(age, options),
        (items) => ({ items }),
      )
    },
    readMarker: (options) => {
      if (!on.readMarker.hasSubscribers) return inner.readMarker(options)
      return publish(
        'readMarker',
        {},
        () => inner.readMarker(options),
        (marker) => ({ found: marker !== null }),
      )
    },
    claimMarker: (marker, options) => {
      if (!on.claimMarker.hasSubscribers) return inner.claimMarker(marker, options)
      return publish('claimMarker', {}, () => inner.claimMarker(marker, options))
    },
    writeMarker: (marker, options) => {
      if (!on.writeMarker.hasSubscribers) return inner.writeMarker(marker, options)
      return publish('writeMarker', {}, () => inner.writeMarker(marker, options))
    },
  }
  const freeBytes = inner.freeBytes?.bind(inner)
  if (freeBytes) traced.freeBytes = freeBytes
  const presign = inner.presign?.bind(inner)
  if (presign) {
    traced.presign = (key, options) =>
      on.presign.hasSubscribers ? publish('presign', { key }, () => presign(key, options)) : presign(key, options)
  }
  return traced
}

function openedOf(size: number, range: ByteRange | undefined): TraceResult {
  return { found: true, size, ...(range && { length: range.end - range.start + 1 }) }
}
