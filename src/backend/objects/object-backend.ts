import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import pLimit from 'p-limit'
import { BlobStoreError } from '../../errors.ts'
import { assertDelay, assertOptions } from '../../options.ts'
import { byteCount, checkBackendName, checkKey, checkPage, checkRange, checkSize, sortOutKeys } from '../arguments.ts'
import type {
  BackendObject,
  BlobBackend,
  CallOptions,
  GetOptions,
  KeyPage,
  ListOptions,
  PutBody,
  Spool,
} from '../backend.ts'
import { fileError } from '../files/file-error.ts'
import { FileSpool } from '../files/file-spool.ts'
import type { SpoolFile } from '../files/spool-file.ts'
import { SpoolFolder } from '../files/spool-folder.ts'
import { type BlobKey, cidIn, cidOfKey } from '../key.ts'
import { settledMarker } from '../settled-marker.ts'
import { Requests } from './requests.ts'
import type { ObjectService } from './service.ts'
import { serviceError } from './service-error.ts'
import { bytesOf, bytesOfFile } from './sources.ts'

export interface ObjectBackendOptions {
  /** Where the bytes go. */
  service: ObjectService
  /** What rows call this backend, for ever. */
  name: string
  /** Whether the service promises that what it acknowledged survives a crash of its machines. */
  durable: boolean
  /** A directory of this user's own, on a local disk, for bytes on their way in. @default one in the system's temporary folder */
  spoolDirectory?: string | undefined
  /** How long the service may keep silent, in milliseconds. @default 30_000 */
  timeout?: number | undefined
}

const prefix = 'blobs/'
const deletionsAtOnce = 16

/**
 * A backend over anything that keeps bytes under names: see {@link ObjectService} for the four methods to write. What all
 * such backends have in common is done here: spooling, checks of keys, ranges and sizes, bodies that end as they must,
 * repeating what may be repeated, deadlines, errors.
 *
 * @example
 * ```ts
 * import { ObjectBackend, type ObjectService } from 'pds-blobstore'
 *
 * const backendOver = (service: ObjectService) => new ObjectBackend({ service, name: 'ours', durable: true })
 * ```
 */
export class ObjectBackend implements BlobBackend {
  readonly name: string
  readonly durable: boolean
  readonly #requests: Requests
  readonly #folder: SpoolFolder
  readonly #spools = new Set<FileSpool>()

  /** Makes no request yet. @throws `InvalidArgument` */
  constructor(options: ObjectBackendOptions) {
    assertOptions('ObjectBackend', options, ['service', 'name', 'durable', 'spoolDirectory', 'timeout'])
    const { service, name, durable, spoolDirectory, timeout = 30_000 } = options
    if (typeof service?.put !== 'function' || typeof durable !== 'boolean') {
      throw new BlobStoreError('InvalidArgument', 'ObjectBackend needs `service`, and `durable`, true or false')
    }
    assertDelay('ObjectBackend: timeout', timeout, 1)
    this.name = checkBackendName(name)
    this.durable = durable
    this.#requests = new Requests(service, name, timeout)
    this.#folder = new SpoolFolder(spoolDirectory, { bytes: 64 * 1024 * 1024, inodes: 1000 })
  }

  /** And looks whether the service answers. */
  async open({ signal }: CallOptions = {}): Promise<void> {
    const verb = `open backend "${this.name}"`
    await this.#onDisk(verb, signal, () => this.#folder.open())
    await this.#attempt(verb, signal, () => this.#names('', 1, signal))
  }

  async close(): Promise<void> {
    const message = `Backend "${this.name}" was closed`
    this.#requests.endReadings(new BlobStoreError('StorageFailed', message, { backend: this.name }))
    await Promise.all([...this.#spools].map((spool) => spool.discard()))
  }

  async spool({ signal }: CallOptions = {}): Promise<Spool> {
    const file = await this.#onDisk('create a spool file', signal, () => this.#folder.create())
    const explain = (error: unknown) => fileError(error, { verb: 'write a spool file', backend: this.name })
    return new FileSpool({ file, space: this.#folder.space, explain, open: this.#spools })
  }

  async put(key: BlobKey, { size, sha256, chunks = [], spool }: PutBody, { signal }: CallOptions = {}): Promise<void> {
    const verb = `store ${key}`
    try {
      const file = spool && this.#take(spool)
      await this.#onDisk(verb, signal, async () => {
        checkKey(key, this.name)
        await file?.finish(false) // it need not outlive a crash
        checkSize(file?.size ?? byteCount(chunks), size, key, this.name)
      })
      const source = file ? bytesOfFile(file) : bytesOf(chunks)
      await this.#attempt(verb, signal, () => this.#requests.put(prefix + key, source, { size, sha256 }, signal), key)
    } finally {
      // The caller hears of what failed first.
      await spool?.discard().catch(() => {})
    }
  }

  async get(key: BlobKey, { range, signal }: GetOptions = {}): Promise<BackendObject | null> {
    const verb = `read ${key}`
    signal?.throwIfAborted()
    checkKey(key, this.name)
    // What no object has is not asked for.
    if (range !== undefined) checkRange(range, Number.POSITIVE_INFINITY, key, this.name)
    const explain = (error: unknown) => this.#explain(error, verb, signal, key)
    const open = () => this.#requests.open(prefix + key, { key, range, signal, explain })
    return await this.#attempt(verb, signal, open, key)
  }

  async has(key: BlobKey, options: CallOptions = {}): Promise<boolean> {
    const object = await this.get(key, options)
    await object?.body.return?.()
    return object !== null
  }

  delete(keys: readonly BlobKey[], { signal }: CallOptions = {}): Promise<Map<BlobKey, Error>> {
    return this.#attempt('delete blobs', signal, async () => {
      const { keys: blobs, failed } = sortOutKeys(keys, this.name)
      await pLimit(deletionsAtOnce).map(new Set(blobs), async (key) => {
        const deleting = this.#requests.ask(signal, (service, own) => service.delete(prefix + key, { signal: own }))
        await deleting.catch((error) => {
          failed.set(key, this.#explain(error, `delete ${key}`, signal, key) as Error)
        })
      })
      signal?.throwIfAborted()
      return failed
    })
  }

  list({ cursor = '', limit = 1000, signal }: ListOptions = {}): Promise<KeyPage> {
    return this.#attempt('list the blobs', signal, async () => {
      checkPage({ limit }, this.name)
      const names = await this.#names(cursor, limit, signal)
      const keys = names.filter((name) => cidOfKey(name) !== null)
      const last = names.at(-1)
      return names.length < limit || last === undefined ? { keys } : { keys, cursor: last }
    })
  }

  sweepSpools(olderThan: number, { signal }: CallOptions = {}): Promise<number> {
    return this.#onDisk('sweep spools', signal, () => this.#folder.sweep(olderThan, signal))
  }

  readMarker({ signal }: CallOptions = {}): Promise<string | null> {
    return this.#attempt('read the marker', signal, async () => {
      const object = await this.#requests.open('marker', { key: 'marker', signal, explain: (error) => error })
      return object && (await text(object.body))
    })
  }

  claimMarker(marker: string, options: CallOptions = {}): Promise<string> {
    return settledMarker(this, marker, options)
  }

  writeMarker(marker: string, { signal }: CallOptions = {}): Promise<void> {
    const bytes = Buffer.from(marker)
    const about = { size: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest() }
    return this.#attempt('write the marker', signal, () =>
      this.#requests.put('marker', bytesOf([bytes]), about, signal),
    )
  }

  async #names(after: string, limit: number, signal: AbortSignal | undefined): Promise<string[]> {
    const page = { prefix, after: prefix + after, limit }
    const names = await this.#requests.ask(signal, (service, own) => service.list({ ...page, signal: own }))
    return names.map((name) => name.slice(prefix.length))
  }

  #take(spool: Spool): SpoolFile {
    if (spool instanceof FileSpool && this.#spools.delete(spool)) return spool.file
    const message = 'The spool is of another backend, or was discarded or put before'
    throw new BlobStoreError('InvalidArgument', message, { backend: this.name })
  }

  async #onDisk<T>(verb: string, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    try {
      return await call()
    } catch (error) {
      throw signal?.aborted ? signal.reason : fileError(error, { verb, backend: this.name })
    }
  }

  async #attempt<T>(verb: string, signal: AbortSignal | undefined, call: () => Promise<T>, key?: BlobKey): Promise<T> {
    signal?.throwIfAborted()
    try {
      return await call()
    } catch (error) {
      throw this.#explain(error, verb, signal, key)
    }
  }

  /** After an abort everything ends by its reason. */
  #explain(error: unknown, verb: string, signal: AbortSignal | undefined, key?: BlobKey): unknown {
    return signal?.aborted ? signal.reason : serviceError(error, { verb, backend: this.name, cid: key && cidIn(key) })
  }
}
