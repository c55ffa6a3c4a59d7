import { BlobStoreError } from '../errors.ts'
import { assertOptions } from '../options.ts'
import { byteCount, checkBackendName, checkKey, checkPage, checkRange, checkSize, sortOutKeys } from './arguments.ts'
import type {
  BackendObject,
  BlobBackend,
  CallOptions,
  GetOptions,
  KeyPage,
  ListOptions,
  PutBody,
  Spool,
} from './backend.ts'
import type { BlobKey } from './key.ts'

/** Stores bytes in memory, for tests. They outlive `close`, so that a test can open the same instance again. */
export class MemoryBackend implements BlobBackend {
  readonly name: string
  readonly durable = false
  readonly #blobs = new Map<BlobKey, Uint8Array>()
  readonly #spools = new Set<MemorySpool>()
  #marker: string | null = null
  #closing = new AbortController()

  constructor(options: MemoryBackendOptions = {}) {
    assertOptions('MemoryBackend', options, ['name'])
    this.name = checkBackendName(options.name ?? 'memory')
  }

  async open({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
  }

  async close(): Promise<void> {
    this.#spools.clear()
    const message = `Backend "${this.name}" was closed`
    this.#closing.abort(new BlobStoreError('StorageFailed', message, { backend: this.name }))
    this.#closing = new AbortController()
  }

  async spool({ signal }: CallOptions = {}): Promise<Spool> {
    signal?.throwIfAborted()
    const spool = new MemorySpool(this.#spools, this.name)
    this.#spools.add(spool)
    return spool
  }

  async put(key: BlobKey, body: PutBody, { signal }: CallOptions = {}): Promise<void> {
    const taken = body.spool instanceof MemorySpool && this.#spools.delete(body.spool)
    if (!taken && body.spool instanceof MemorySpool && body.spool.swept) {
      const message = 'The spool was swept, because nothing was written to it for too long; upload again'
      throw new BlobStoreError('UploadExpired', message, { backend: this.name, transient: true })
    }
    if (body.spool !== undefined && !taken) {
      await body.spool.discard()
      const message = 'The spool is of another backend, or was discarded or put before'
      throw new BlobStoreError('InvalidArgument', message, { backend: this.name })
    }
    signal?.throwIfAborted()
    checkKey(key, this.name)
    const chunks = body.chunks ?? (body.spool as MemorySpool).chunks
    checkSize(byteCount(chunks), body.size, key, this.name)
    this.#blobs.set(key, new Uint8Array(Buffer.concat(chunks)))
  }

  async get(key: BlobKey, { range, signal }: GetOptions = {}): Promise<BackendObject | null> {
    signal?.throwIfAborted()
    checkKey(key, this.name)
    const bytes = this.#blobs.get(key)
    if (bytes === undefined) return null
    if (range !== undefined) checkRange(range, bytes.byteLength, key, this.name)
    // Copied, because the caller may write into its chunk.
    const asked = range === undefined ? bytes.slice() : bytes.slice(range.start, range.end + 1)
    return { size: bytes.byteLength, body: chunksOf(asked, [signal, this.#closing.signal]) }
  }

  async has(key: BlobKey, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted()
    checkKey(key, this.name)
    return this.#blobs.has(key)
  }

  async delete(keys: readonly BlobKey[], { signal }: CallOptions = {}): Promise<Map<BlobKey, Error>> {
    signal?.throwIfAborted()
    const sorted = sortOutKeys(keys, this.name)
    for (const key of sorted.keys) this.#blobs.delete(key)
    return sorted.failed
  }

  async list(options: ListOptions = {}): Promise<KeyPage> {
    options.signal?.throwIfAborted()
    const { after, limit } = checkPage(options, this.name)
    const behind = [...this.#blobs.keys()].filter((key) => key > after).sort()
    const keys = behind.slice(0, limit)
    const cursor = keys.at(-1)
    return cursor === undefined || behind.length === keys.length ? { keys } : { keys, cursor }
  }

  async sweepSpools(olderThan: number, { signal }: CallOptions = {}): Promise<number> {
    signal?.throwIfAborted()
    const now = Date.now()
    for (const spool of this.#spools) spool.writtenAt = Math.min(spool.writtenAt, now) // the clock ran ahead
    const stale = [...this.#spools].filter((spool) => now - spool.writtenAt > olderThan)
    for (const spool of stale) {
      spool.swept = true
      this.#spools.delete(spool)
    }
    return stale.length
  }

  async readMarker({ signal }: CallOptions = {}): Promise<string | null> {
    signal?.throwIfAborted()
    return this.#marker
  }

  async claimMarker(marker: string, { signal }: CallOptions = {}): Promise<string> {
    signal?.throwIfAborted()
    this.#marker ??= marker
    return this.#marker
  }

  async writeMarker(marker: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    this.#marker = marker
  }
}

export interface MemoryBackendOptions {
  /** @default 'memory' */
  name?: string | undefined
}

class MemorySpool implements Spool {
  readonly chunks: Uint8Array[] = []
  swept = false
  writtenAt: number = Date.now()
  readonly #open: Set<MemorySpool>
  readonly #backend: string

  constructor(open: Set<MemorySpool>, backend: string) {
    this.#open = open
    this.#backend = backend
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    if (!this.#open.has(this)) {
      const message = 'Cannot write to a spool that was discarded, swept, or put before'
      throw new BlobStoreError('StorageFailed', message, { backend: this.#backend })
    }
    for (const chunk of chunks) this.chunks.push(new Uint8Array(chunk))
    this.writtenAt = Date.now()
  }

  async readBack(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start)
    let at = 0
    for (const chunk of this.chunks) {
      const from = Math.max(start - at, 0)
      if (from < chunk.byteLength && at < end) bytes.set(chunk.subarray(from, end - at), at + from - start)
      at += chunk.byteLength
    }
    if (end <= at) return bytes
    throw new BlobStoreError('StorageFailed', 'Fewer bytes were written to the spool', { backend: this.#backend })
  }

  async discard(): Promise<void> {
    this.#open.delete(this)
  }
}

/** Chunks of the size that a disk returns. */
async function* chunksOf(bytes: Uint8Array, signals: readonly (AbortSignal | undefined)[]): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += 256 * 1024) {
    for (const signal of signals) signal?.throwIfAborted()
    yield bytes.subarray(start, start + 256 * 1024)
  }
}
