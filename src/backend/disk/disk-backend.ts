import { BlobStoreError } from '../../errors.ts'
import { checkKey, checkPage, checkRange, sortOutKeys } from '../arguments.ts'
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
import { type Floor, FreeSpace } from '../files/free-space.ts'
import { SpoolFile, sweepSpoolFiles } from '../files/spool-file.ts'
import { ifThere, Refusal, sys } from '../files/system-calls.ts'
import { type BlobKey, cidIn } from '../key.ts'
import { deleteBlobs } from './deletion.ts'
import { placeBlob } from './durable-write.ts'
import { EventLoopBudget } from './event-loop-budget.ts'
import { Layout } from './layout.ts'
import { listKeys } from './listing.ts'
import { claimMarker, readMarker, writeMarker } from './marker.ts'
import { openLayout } from './open.ts'
import { type DiskBackendOptions, resolveOptions } from './options.ts'
import { DiskReading } from './reading.ts'
import { makeRoot } from './root.ts'
import { Shards } from './shards.ts'
import { isSmall, readSmall } from './small.ts'

/**
 * Stores blobs as files, one file for each.
 *
 * @example
 * ```ts
 * import { DiskBackend } from 'pds-blobstore'
 *
 * const backend = new DiskBackend({ root: '/var/lib/pds/blobs' })
 * ```
 */
export class DiskBackend implements BlobBackend {
  readonly name: string
  readonly durable: boolean
  /** The root, absolute, as the caller gave it. */
  readonly location: string
  readonly #minFree: Floor
  #layout!: Layout
  #shards!: Shards
  #space!: FreeSpace
  readonly #budget = new EventLoopBudget()
  readonly #readings = new Set<DiskReading>()
  readonly #spools = new Set<FileSpool>()

  constructor(options: DiskBackendOptions) {
    const { root, name, durable, minFree } = resolveOptions(options)
    this.name = name
    this.durable = durable
    this.location = root
    this.#minFree = minFree
    this.#settle(this.location)
  }

  open({ signal }: CallOptions = {}): Promise<void> {
    return this.#attempt(`open the root of backend "${this.name}"`, signal, async () => {
      const root = await makeRoot(this.location)
      if (root !== this.#layout.root) this.#settle(root)
      this.#shards.found(await openLayout(this.#layout, this.durable))
    })
  }

  /** A link that is changed later has no effect until the next `open`. */
  #settle(root: string): void {
    this.#layout = new Layout(root)
    this.#shards = new Shards(this.#layout, this.durable)
    this.#space = new FreeSpace(root, this.#minFree)
  }

  /** Bodies that are being read reject, and spools are discarded. */
  async close(): Promise<void> {
    const error = new BlobStoreError('StorageFailed', `Backend "${this.name}" was closed`, { backend: this.name })
    await Promise.all([...this.#readings].map((reading) => reading.end({ error })))
    await Promise.all([...this.#spools].map((spool) => spool.discard()))
  }

  /** Of the file system, less what `minFree` keeps free. */
  freeBytes({ signal }: CallOptions = {}): Promise<number> {
    return this.#attempt('look for free space', signal, async () => {
      const free = await sys.freeSpace(this.#layout.root)
      return Math.max(0, free.bytes - this.#minFree.bytes)
    })
  }

  spool({ signal }: CallOptions = {}): Promise<Spool> {
    return this.#attempt('create a spool file', signal, async () => {
      await this.#space.take(0, 1)
      const file = await this.#createSpool()
      const explain = (error: unknown) => this.#explain(error, 'write a spool file')
      return new FileSpool({ file, space: this.#space, explain, open: this.#spools })
    })
  }

  async put(key: BlobKey, body: PutBody, { signal }: CallOptions = {}): Promise<void> {
    try {
      await this.#attempt(`store ${key}`, signal, () => this.#put(key, body, signal), key)
    } catch (error) {
      // The caller gets the first error.
      await body.spool?.discard().catch(() => {})
      throw error
    }
  }

  get(key: BlobKey, options: GetOptions = {}): Promise<BackendObject | null> {
    return this.#attempt(`read ${key}`, options.signal, () => this.#get(key, options), key)
  }

  has(key: BlobKey, { signal }: CallOptions = {}): Promise<boolean> {
    return this.#attempt(`look for ${key}`, signal, async () => {
      checkKey(key, this.name)
      return (await ifThere(sys.lstat(this.#layout.blob(key)), null))?.isFile() ?? false
    })
  }

  delete(keys: readonly BlobKey[], { signal }: CallOptions = {}): Promise<Map<BlobKey, Error>> {
    return this.#attempt('delete blobs', signal, async () => {
      const { keys: blobs, failed } = sortOutKeys(keys, this.name)
      const errors = await deleteBlobs(this.#layout, blobs, this.durable, signal)
      for (const [key, error] of errors) failed.set(key, this.#explain(error, `delete ${key}`, key) as Error)
      return failed
    })
  }

  list(options: ListOptions = {}): Promise<KeyPage> {
    return this.#attempt('list the blobs', options.signal, () => {
      const { after, limit } = checkPage(options, this.name)
      return listKeys(this.#layout, after, limit, options.signal)
    })
  }

  sweepSpools(olderThan: number, { signal }: CallOptions = {}): Promise<number> {
    return this.#attempt('sweep the spool files', signal, () => sweepSpoolFiles(this.#layout.spools, olderThan, signal))
  }

  readMarker({ signal }: CallOptions = {}): Promise<string | null> {
    return this.#attempt('read the marker', signal, () => readMarker(this.#layout))
  }

  claimMarker(marker: string, { signal }: CallOptions = {}): Promise<string> {
    return this.#attempt('write the marker', signal, () => claimMarker(this.#layout, marker, this.durable, signal))
  }

  writeMarker(marker: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#attempt('write the marker', signal, () => writeMarker(this.#layout, marker, this.durable))
  }

  async #put(key: BlobKey, body: PutBody, signal: AbortSignal | undefined): Promise<void> {
    checkKey(key, this.name)
    if (body.spool === undefined) await this.#space.take(body.size, 1)
    const file = body.spool === undefined ? await this.#createSpool() : this.#take(body.spool)
    try {
      if (body.chunks !== undefined) await file.write(body.chunks)
      const destination = { layout: this.#layout, shards: this.#shards, durable: this.durable, backend: this.name }
      await placeBlob(file, key, body.size, destination, signal)
    } catch (error) {
      await file.discard().catch(() => {})
      throw error
    }
  }

  #createSpool(): Promise<SpoolFile> {
    return SpoolFile.create(this.#layout.spools, this.#layout.owner)
  }

  #take(spool: Spool): SpoolFile {
    if (spool instanceof FileSpool && this.#spools.delete(spool)) return spool.file
    const message = 'The spool is of another backend, or was discarded or put before'
    throw new BlobStoreError('InvalidArgument', message, { backend: this.name })
  }

  async #get(key: BlobKey, { range, signal, expectedSize }: GetOptions): Promise<BackendObject | null> {
    checkKey(key, this.name)
    const path = this.#layout.blob(key)
    const smallSize = range === undefined && expectedSize !== undefined && isSmall(expectedSize) ? expectedSize : null
    const open = (atOnce: boolean) => sys.openToRead(path, atOnce)
    const fd = await ifThere(smallSize === null ? open(false) : this.#budget.run(open), null)
    if (fd === null) return null
    try {
      const small = smallSize === null ? null : await readSmall(fd, smallSize, this.#budget, signal)
      if (small !== null) {
        await sys.close(fd).catch(() => {})
        return { size: small.size, body: small }
      }
      const stats = await sys.fstat(fd)
      if (!stats.isFile())
        throw new Refusal('EISDIR', 'something that is not a regular file has its name; move it elsewhere')
      const { size } = stats
      if (range !== undefined) checkRange(range, size, key, this.name)
      signal?.throwIfAborted()
      const { start, end } = range ?? { start: 0, end: size - 1 }
      const explain = (error: unknown) => this.#explain(error, `read ${key}`, key, signal)
      const body = new DiskReading({ fd, start, end: end + 1, signal, explain, readings: this.#readings })
      return { size, body, file: this.#layout.fileOf(key) }
    } catch (error) {
      await sys.closeRead(fd).catch(() => {})
      throw error
    }
  }

  async #attempt<T>(verb: string, signal: AbortSignal | undefined, call: () => Promise<T>, key?: BlobKey): Promise<T> {
    try {
      signal?.throwIfAborted()
      return await call()
    } catch (error) {
      throw this.#explain(error, verb, key, signal)
    }
  }

  /**
   * Turns the error of a system call into the library's. What the caller threw, such as an abort's reason, passes
   * unchanged.
   */
  #explain(error: unknown, verb: string, key?: BlobKey, signal?: AbortSignal): unknown {
    if (signal?.aborted && error === signal.reason) return error
    return fileError(error, { verb, backend: this.name, cid: key && cidIn(key) })
  }
}
