import type { S3Client } from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../errors.ts'
import { silent } from '../../logger.ts'
import { assertWhole } from '../../options.ts'
import { byteCount, checkBackendName, checkKey, checkPage, checkRange, checkSize, sortOutKeys } from '../arguments.ts'
import type {
  BackendObject,
  BlobBackend,
  CallOptions,
  GetOptions,
  KeyPage,
  ListOptions,
  OpenOptions,
  PresignOptions,
  PutBody,
  Spool,
} from '../backend.ts'
import { fileError } from '../files/file-error.ts'
import type { FileSpool } from '../files/file-spool.ts'
import { SpoolFolder } from '../files/spool-folder.ts'
import { type BlobKey, cidIn } from '../key.ts'
import { settledMarker } from '../settled-marker.ts'
import { type Clients, checkClient, createClients } from './client.ts'
import { Deleting } from './deleting.ts'
import { Names } from './layout.ts'
import { sweepParts } from './leftover-parts.ts'
import { listKeys } from './listing.ts'
import { claimMarker, readMarker, writeMarker } from './marker.ts'
import { headObject } from './objects.ts'
import { resolveS3Limits, type S3BackendOptions } from './options.ts'
import { presignObject } from './presign.ts'
import { probe } from './probe.ts'
import { putChunks, putSpool } from './putting.ts'
import { Readings } from './readings.ts'
import { repeatedly } from './retry.ts'
import { onDisk, s3Error } from './s3-error.ts'
import { S3Spool } from './s3-spool.ts'
import { Service } from './service.ts'

/**
 * Bytes in a bucket of AWS S3, or of a service that speaks as it does. An upload is one request, and so is a reading.
 *
 * @example
 * ```ts
 * import { S3Backend } from 'pds-blobstore/s3'
 *
 * const backend = new S3Backend({
 *   bucket: 'pds-blobs',
 *   endpoint: 'https://s3.example',
 *   region: 'eu-central-1',
 *   credentials: { accessKeyId: 'an id', secretAccessKey: 'a secret' },
 * })
 * ```
 */
export class S3Backend implements BlobBackend {
  readonly name: string
  readonly durable = true
  readonly #service: Service
  readonly #ownClients: Clients | undefined
  readonly #names: Names
  readonly #deleting: Deleting
  readonly #folder: SpoolFolder
  readonly #readings: Readings
  readonly #spools = new Set<FileSpool>()
  /** The ids of uploads in parts. */
  readonly #underWay = new Set<string>()

  /** Makes no request yet. @throws `InvalidArgument` */
  constructor(options: S3BackendOptions) {
    const limits = resolveS3Limits(options)
    const { bucket, prefix = '', name = 's3', client, spoolDirectory, minFree = {} } = options
    this.name = checkBackendName(name)
    this.#names = new Names(prefix)
    this.#ownClients = client === undefined ? createClients(options) : undefined
    const clients = this.#ownClients ?? sameFor(client as S3Client)
    this.#service = new Service(clients, bucket, limits)
    this.#deleting = new Deleting(this.#service, this.#names)
    this.#readings = new Readings(this.#service)
    const { bytes = 64 * 1024 * 1024, inodes = 1000 } = minFree
    assertWhole('S3Backend: minFree.bytes', bytes, 0)
    assertWhole('S3Backend: minFree.inodes', inodes, 0)
    this.#folder = new SpoolFolder(spoolDirectory, { bytes, inodes })
  }

  open({ signal, logger = silent }: OpenOptions = {}): Promise<void> {
    const verb = `open the bucket "${this.#service.bucket}" of backend "${this.name}"`
    return this.#attempt(verb, signal, async () => {
      if (this.#ownClients === undefined) await checkClient(this.#service.client, this.name)
      await onDisk(() => this.#folder.open())
      await probe(this.#service, this.#names, logger, { backend: this.name }, signal)
    })
  }

  async close(): Promise<void> {
    const error = new BlobStoreError('StorageFailed', `Backend "${this.name}" was closed`, { backend: this.name })
    this.#readings.end(error)
    await Promise.all([...this.#spools].map((spool) => spool.discard()))
    for (const client of Object.values(this.#ownClients ?? {})) client.destroy()
  }

  spool({ signal }: CallOptions = {}): Promise<Spool> {
    return this.#attempt('create a spool file', signal, async () => {
      const file = await onDisk(() => this.#folder.create())
      const explain = (error: unknown) => fileError(error, { verb: 'write a spool file', backend: this.name })
      const { partSize } = this.#service.limits
      return new S3Spool(partSize, { file, space: this.#folder.space, explain, open: this.#spools })
    })
  }

  async put(key: BlobKey, body: PutBody, { signal }: CallOptions = {}): Promise<void> {
    try {
      await this.#attempt(`store ${key}`, signal, () => this.#put(key, body, signal), key)
    } finally {
      // What was taken is discarded with it. The caller hears of what failed first.
      await body.spool?.discard().catch(() => {})
    }
  }

  get(key: BlobKey, options: GetOptions = {}): Promise<BackendObject | null> {
    const [verb, { range, signal }] = [`read ${key}`, options]
    const check = (size: number) => range && checkRange({ ...range }, size, key, this.name)
    const explain = (error: unknown) => this.#explain(error, verb, key, signal)
    const open = () => {
      checkKey(key, this.name)
      check(Number.POSITIVE_INFINITY) // what no object has is not asked for: services read it in ways of their own
      return this.#readings.open(this.#names.blob(key), { ...options, check, explain })
    }
    return this.#attempt(verb, signal, async () => open(), key)
  }

  has(key: BlobKey, { signal }: CallOptions = {}): Promise<boolean> {
    return this.#attempt(`look for ${key}`, signal, async () => {
      checkKey(key, this.name)
      return (await repeatedly(() => headObject(this.#service, this.#names.blob(key), signal), signal)) !== null
    })
  }

  presign(key: BlobKey, options: PresignOptions): Promise<string> {
    return this.#attempt(`give an address to ${key}`, options.signal, () => {
      checkKey(key, this.name)
      return presignObject(this.#service, this.#names.blob(key), options)
    })
  }

  delete(keys: readonly BlobKey[], { signal }: CallOptions = {}): Promise<Map<BlobKey, Error>> {
    return this.#attempt('delete blobs', signal, async () => {
      const { keys: blobs, failed } = sortOutKeys(keys, this.name)
      const errors = await this.#deleting.delete(blobs, signal)
      for (const [key, error] of errors) failed.set(key, this.#explain(error, `delete ${key}`, key) as Error)
      return failed
    })
  }

  list(options: ListOptions = {}): Promise<KeyPage> {
    return this.#attempt('list the blobs', options.signal, () => {
      const { after, limit } = checkPage(options, this.name)
      return listKeys(this.#service, this.#names, after, limit, options.signal)
    })
  }

  /** And the parts in the bucket that such uploads have left. */
  sweepSpools(olderThan: number, { signal }: CallOptions = {}): Promise<number> {
    return this.#attempt('sweep spools and parts', signal, async () => {
      const files = await onDisk(() => this.#folder.sweep(olderThan, signal))
      return files + (await sweepParts(this.#service, this.#names, olderThan, this.#underWay, signal))
    })
  }

  readMarker({ signal }: CallOptions = {}): Promise<string | null> {
    return this.#attempt('read the marker', signal, () => readMarker(this.#service, this.#names.marker, signal))
  }

  async claimMarker(marker: string, { signal }: CallOptions = {}): Promise<string> {
    const claim = () => claimMarker(this.#service, this.#names.marker, marker, signal)
    const claimed = await this.#attempt('write the marker', signal, claim)
    return claimed ?? settledMarker(this, marker, { signal })
  }

  writeMarker(marker: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#attempt('write the marker', signal, () =>
      writeMarker(this.#service, this.#names.marker, marker, signal),
    )
  }

  async #put(key: BlobKey, body: PutBody, signal: AbortSignal | undefined): Promise<void> {
    checkKey(key, this.name)
    const name = this.#names.blob(key)
    if (body.spool === undefined) {
      checkSize(byteCount(body.chunks), body.size, key, this.name)
      await putChunks(this.#service, name, body.chunks, body, signal)
    } else {
      const spool = this.#take(body.spool)
      await onDisk(() => spool.file.finish(false)) // it need not outlive a crash
      checkSize(spool.file.size, body.size, key, this.name)
      await putSpool(this.#service, name, spool, body, this.#underWay, signal)
    }
  }

  #take(spool: Spool): S3Spool {
    if (spool instanceof S3Spool && this.#spools.delete(spool)) return spool
    const message = 'The spool is of another backend, or was discarded or put before'
    throw new BlobStoreError('InvalidArgument', message, { backend: this.name })
  }

  async #attempt<T>(verb: string, signal: AbortSignal | undefined, call: () => Promise<T>, key?: BlobKey): Promise<T> {
    signal?.throwIfAborted()
    try {
      return await call()
    } catch (error) {
      throw this.#explain(error, verb, key, signal)
    }
  }

  /** The library's error for the SDK's. After an abort everything ends by it. */
  #explain(error: unknown, verb: string, key?: BlobKey, signal?: AbortSignal): unknown {
    if (signal?.aborted) return signal.reason
    return s3Error(error, { verb, backend: this.name, cid: key && cidIn(key) })
  }
}

const sameFor = (client: S3Client): Clients => ({ other: client, small: client, large: client })
