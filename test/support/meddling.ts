import type { BlobBackend, MetadataAdapter } from '../../src/index.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'

/** A backend with some methods replaced. */
export function meddle(inner: BlobBackend, replaced: Partial<BlobBackend>): BlobBackend {
  return {
    name: inner.name,
    durable: inner.durable,
    open: (options) => inner.open(options),
    close: () => inner.close(),
    spool: (options) => inner.spool(options),
    put: (key, body, options) => inner.put(key, body, options),
    get: (key, options) => inner.get(key, options),
    has: (key, options) => inner.has(key, options),
    delete: (keys, options) => inner.delete(keys, options),
    list: (options) => inner.list(options),
    sweepSpools: (olderThan, options) => inner.sweepSpools(olderThan, options),
    readMarker: (options) => inner.readMarker(options),
    claimMarker: (marker, options) => inner.claimMarker(marker, options),
    writeMarker: (marker, options) => inner.writeMarker(marker, options),
    ...replaced,
  }
}

/** A gate: callers wait at it until it is opened. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()
  /** Resolves when a caller has reached the gate. */
  readonly reached: Promise<void> = this.#reached.promise

  pass(): Promise<void> {
    this.#reached.resolve()
    return this.#opened.promise
  }

  open(): void {
    this.#opened.resolve()
  }
}

/** The text, whose last letter is sent only when the gate is open. */
export async function* heldBack(text: string, gate: Gate): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text.slice(0, -1))
  await gate.pass()
  yield new TextEncoder().encode(text.slice(-1))
}

/** Metadata with some methods replaced; `inner` is the original. */
export function meddleMetadata(
  adapter: MetadataAdapter,
  replaced: (inner: Metadata) => Partial<Metadata>,
): MetadataAdapter {
  return {
    async open() {
      const inner = await adapter.open()
      const others = replaced(inner)
      return new Proxy(inner, {
        get(target, name) {
          const method: unknown = Reflect.get(name in others ? others : target, name)
          return typeof method === 'function' ? method.bind(target) : method
        },
      })
    },
  }
}
