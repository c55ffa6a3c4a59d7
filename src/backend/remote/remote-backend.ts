import { BlobStoreError } from '../../errors.ts'
import { silent } from '../../logger.ts'
import { checkBackendName, checkKey, checkPage, checkRange, checkSize, sortOutKeys } from '../arguments.ts'
import type {
  BackendObject,
  BlobBackend,
  CallOptions,
  GetOptions,
  KeyPage,
  ListOptions,
  OpenOptions,
  PutBody,
  Spool,
} from '../backend.ts'
import type { Attempt } from '../files/file-error.ts'
import type { Floor } from '../files/free-space.ts'
import { type BlobKey, cidIn, cidOfKey } from '../key.ts'
import { settledMarker } from '../settled-marker.ts'
import { Deletions } from './deletions.ts'
import { Downloads } from './downloads.ts'
import { remoteError } from './errors.ts'
import { listKeys } from './listing.ts'
import { Marker } from './marker.ts'
import type { Requests } from './requests.ts'
import type { RemoteService } from './service.ts'
import { Spools } from './spools.ts'
import { UploadSource } from './upload-source.ts'

export interface RemoteBackendOptions {
  name: string
  durable: boolean
  location?: string | undefined
  service: RemoteService
  requests: Requests
  spoolDirectory: string | undefined
  minFree: Floor
}

/**
 * A backend over a service that puts, gets, deletes and lists objects by name. This class and its folder do what all
 * such backends share: spooling, checks, checked ends of bodies, retries, timeouts, the marker, errors, closing. The
 * layout:
 *
 * ```
 * blobs/bafkrei….1-kq3z5vd4w2m7x6yt     a blob
 * marker                                by which a database and its bytes recognize each other
 * ```
 *
 * There are no shards: a service keeps one sorted list, which it splits where it is busy, and after `bafkrei` the names
 * of blobs are evenly distributed.
 */
export class RemoteBackend implements BlobBackend {
  readonly name: string
  readonly durable: boolean
  readonly location?: string
  /** Absent if the service has no addresses. */
  readonly presign?: NonNullable<BlobBackend['presign']>
  readonly #service: RemoteService
  readonly #requests: Requests
  readonly #spools: Spools
  readonly #downloads: Downloads
  readonly #deletions: Deletions
  readonly #marker: Marker

  /** Sends no request. @throws `InvalidArgument` */
  constructor({ name, durable, location, service, requests, spoolDirectory, minFree }: RemoteBackendOptions) {
    this.name = checkBackendName(name)
    this.durable = durable
    if (location !== undefined) this.location = location
    this.#service = service
    this.#requests = requests
    const partSize = service.multipart?.partSize
    this.#spools = new Spools({ backend: name, directory: spoolDirectory, minFree, partSize })
    this.#downloads = new Downloads(service, requests)
    this.#deletions = new Deletions(service, requests)
    this.#marker = new Marker(service, requests, this.#downloads)
    const presign = service.presign?.bind(service)
    if (presign) {
      this.presign = (key, options) =>
        this.#attempt(`create an address for ${key}`, { key, signal: options.signal }, () =>
          presign(nameOf(key), options),
        )
    }
  }

  open({ signal, logger = silent }: OpenOptions = {}): Promise<void> {
    const place = this.location === undefined ? '' : `, ${this.location}`
    return this.#attempt(`open backend "${this.name}"${place}`, { signal }, async (attempt) => {
      await this.#spools.openDirectory(attempt)
      if (this.#service.check) await this.#service.check({ signal, logger })
      else await this.#requests.retryIdempotent(signal, (own) => this.#service.list({ ...firstName, signal: own }))
    })
  }

  async close(): Promise<void> {
    const message = `Backend "${this.name}" was closed`
    this.#downloads.end(new BlobStoreError('StorageFailed', message, { backend: this.name }))
    try {
      await this.#spools.discardAll()
    } finally {
      this.#service.close?.()
    }
  }

  spool({ signal }: CallOptions = {}): Promise<Spool> {
    return this.#attempt('create a spool file', { signal }, (attempt) => this.#spools.create(attempt))
  }

  async put(key: BlobKey, body: PutBody, { signal }: CallOptions = {}): Promise<void> {
    try {
      await this.#attempt(`store ${key}`, { key, signal }, async (attempt) => {
        const { chunks = [], spool, size, sha256 } = body
        const source = spool ? await this.#spools.take(spool, attempt) : new UploadSource({ chunks }, attempt)
        try {
          checkSize(source.size, size, key, this.name)
          await this.#put(nameOf(key), source, sha256, signal)
        } finally {
          await source.close()
        }
      })
    } finally {
      // Discards the spool and what was taken from it. The caller gets the first error.
      await body.spool?.discard().catch(() => {})
    }
  }

  get(key: BlobKey, options: GetOptions = {}): Promise<BackendObject | null> {
    const { range, signal } = options
    const check = (size: number): void => range && checkRange({ ...range }, size, key, this.name)
    return this.#attempt(`read ${key}`, { key, signal }, async (attempt) => {
      check(Number.POSITIVE_INFINITY) // services interpret an impossible range in different ways
      const explain = (error: unknown): unknown => this.#explain(error, attempt, signal)
      return await this.#downloads.open(nameOf(key), { ...options, check, explain })
    })
  }

  has(key: BlobKey, { signal }: CallOptions = {}): Promise<boolean> {
    const name = nameOf(key)
    return this.#attempt(`look for ${key}`, { key, signal }, async () => {
      const { head } = this.#service
      if (!head) return await this.#isReadable(name, signal)
      const found = await this.#requests.retryIdempotent(signal, (own) =>
        head.call(this.#service, name, { signal: own }),
      )
      return found !== null
    })
  }

  delete(keys: readonly BlobKey[], { signal }: CallOptions = {}): Promise<Map<BlobKey, Error>> {
    return this.#attempt('delete blobs', { signal }, async () => {
      const { keys: valid, failed } = sortOutKeys(keys, this.name)
      for (const [name, error] of await this.#deletions.delete(valid.map(nameOf), signal)) {
        const key = name.slice(blobs.length)
        const attempt = { verb: `delete ${key}`, backend: this.name, cid: cidIn(key) }
        failed.set(key, this.#explain(error, attempt, signal) as Error)
      }
      return failed
    })
  }

  list(options: ListOptions = {}): Promise<KeyPage> {
    return this.#attempt('list the blobs', options, () => {
      const { after, limit } = checkPage(options, this.name)
      return listKeys(this.#service, this.#requests, {
        ...{ prefix: blobs, keyOf: keyIn, after: nameOf(after), limit, signal: options.signal },
      })
    })
  }

  /** Also deletes what uploads of dead processes left at the service. */
  sweepSpools(olderThan: number, { signal }: CallOptions = {}): Promise<number> {
    return this.#attempt('sweep spools and parts', { signal }, async (attempt) => {
      const files = await this.#spools.sweep(olderThan, signal, attempt)
      const isOurs = (name: string): boolean => keyIn(name) !== null
      const uploads = await this.#service.multipart?.sweep({ prefix: blobs, isOurs, olderThan, signal })
      return files + (uploads ?? 0)
    })
  }

  readMarker({ signal }: CallOptions = {}): Promise<string | null> {
    return this.#attempt('read the marker', { signal }, () => this.#marker.read(signal))
  }

  async claimMarker(text: string, { signal }: CallOptions = {}): Promise<string> {
    const claimed = await this.#attempt('write the marker', { signal }, () => this.#marker.claim(text, signal))
    return claimed ?? settledMarker(this, text, { signal })
  }

  writeMarker(text: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#attempt('write the marker', { signal }, (attempt) => this.#marker.write(text, signal, attempt))
  }

  /** Sends one request, or parts if the bytes are many and in a file. Retries only where nothing was stored. */
  async #put(name: string, source: UploadSource, sha256: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const [service, { size }] = [this.#service, source]
    const { multipart } = service
    if (multipart && source.file && size > multipart.threshold) return await multipart.put(name, source, signal)
    await this.#requests.retryIfNotApplied(signal, (own, idle) =>
      service.put(name, source.body(idle), { size, sha256, signal: own }),
    )
  }

  async #isReadable(name: string, signal: AbortSignal | undefined): Promise<boolean> {
    const object = await this.#downloads.open(name, { signal, check: () => {}, explain: (error) => error })
    await object?.body.return?.()
    return object !== null
  }

  async #attempt<T>(
    verb: string,
    { key, signal }: { key?: BlobKey; signal?: AbortSignal | undefined },
    call: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    if (key !== undefined) checkKey(key, this.name)
    const attempt = { verb, backend: this.name, cid: key && cidIn(key) }
    try {
      return await call(attempt)
    } catch (error) {
      throw this.#explain(error, attempt, signal)
    }
  }

  /** After an abort, every error is the abort's reason. */
  #explain(error: unknown, attempt: Attempt, signal: AbortSignal | undefined): unknown {
    return signal?.aborted ? signal.reason : remoteError(error, attempt, this.#requests.classify)
  }
}

const blobs = 'blobs/'
/** Listed to check whether the service answers. */
const firstName = { prefix: blobs, after: blobs, limit: 1 }

const nameOf = (key: BlobKey | ''): string => blobs + key

/** The key of a name, or null for a name that is not a blob's. */
function keyIn(name: string): BlobKey | null {
  const key = name.slice(blobs.length)
  return cidOfKey(key) === null ? null : key
}
