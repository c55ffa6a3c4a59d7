import type { Logger } from '../../logger.ts'
import type { ByteRange, PresignOptions } from '../backend.ts'
import type { UploadBody, UploadSource } from './upload-source.ts'

/**
 * Something that stores bytes under names, as most storage services do: what an `ObjectBackend` needs, and all that a
 * backend author has to write.
 *
 * Names are `marker` and `blobs/<key>`, at most 93 characters of `[a-z0-9./-]`. Every method may be called
 * concurrently, also from several processes, and ends when its `signal` aborts.
 *
 * A method that knows what is wrong rejects with a `BlobStoreError`: `StorageFull`, or `StorageFailed` with `transient`
 * if the same call may succeed later. Any other error, such as one of `fetch` when the network fails, counts as
 * transient. Methods need not retry.
 */
export interface ObjectService {
  /**
   * Stores exactly `size` bytes. Until it resolves, nobody finds the object or a part of it; afterwards everybody does
   * and, where the backend is `durable`, it is on stable storage. When it rejects, the object may exist or not. Each
   * name is put once, except `marker`, which is replaced in one step.
   */
  put(name: string, body: AsyncIterable<Uint8Array>, options: PutObjectOptions): Promise<void>

  /**
   * Opens an object, or resolves with null if there is none. If `range` is not within the object, only `size` is used
   * and `body` is ignored. A chunk belongs to the reader until it requests the next one.
   */
  get(name: string, options: GetObjectOptions): Promise<StoredObject | null>

  /** Deletes an object. An absent object counts as deleted. */
  delete(name: string, options: ServiceOptions): Promise<void>

  /**
   * Lists the names that begin with `prefix` and come after `after`, in ascending order of character codes: `limit`
   * names, or all that are left.
   */
  list(options: ListObjectsOptions): Promise<string[]>
}

export interface ServiceOptions {
  signal: AbortSignal
}

export interface PutObjectOptions extends ServiceOptions {
  /** In bytes. */
  size: number
  /** Hash of the bytes, for services that verify what they receive. */
  sha256: Uint8Array
}

export interface GetObjectOptions extends ServiceOptions {
  /** Both ends inclusive. @default the whole object */
  range?: ByteRange | undefined
}

export interface ListObjectsOptions extends ServiceOptions {
  prefix: string
  after: string
  limit: number
}

export interface StoredObject {
  /** Size of the whole object in bytes, whatever the range. */
  size: number
  /** The requested bytes. Must end when the signal aborts. */
  body: AsyncIterable<Uint8Array>
}

/**
 * What a {@link RemoteBackend} needs from a service of this package: the four methods with more arguments, and optional
 * methods that only some services have. Each sends one request, once, except `multipart` and `check`, which have their
 * own timeouts and retries. Names, errors and signals are as in {@link ObjectService}.
 */
export interface RemoteService extends Omit<ObjectService, 'list'> {
  /** No chunk of a body is reused, so a reader may keep it. Small objects are then read into memory at once. */
  readonly keepable?: boolean

  put(name: string, body: UploadBody, options: PutObjectOptions): Promise<void>

  /** `atOnce`: the body is read as it arrives, not at the pace of a slow client. */
  get(name: string, options: GetObjectOptions & { atOnce: boolean }): Promise<StoredObject | null>

  /** An array of `limit` names means that there may be more. Otherwise `more` says so, and there may be fewer names. */
  list(options: ListObjectsOptions): Promise<string[] | NamesAndMore>

  /** The size of an object without its bytes, or null. */
  head?(name: string, options: ServiceOptions): Promise<{ size: number | undefined } | null>

  /**
   * Deletes up to 1000 objects. Resolves with those that were not deleted, and why; null if the service does not have
   * the request.
   */
  deleteMany?(names: readonly string[], options: ServiceOptions): Promise<Map<string, unknown> | null>

  /** Stores an object unless it exists. `unsupported`: the service does not accept such requests. */
  putIfAbsent?(name: string, bytes: Uint8Array, options: ServiceOptions): Promise<'written' | 'exists' | 'unsupported'>

  readonly multipart?: MultipartUploads

  /** As `BlobBackend.presign`. */
  presign?(name: string, options: PresignOptions): Promise<string>

  /**
   * Checks, when the backend opens, whether every kind of request works, and logs warnings about what should be
   * changed.
   */
  check?(options: CheckOptions): Promise<void>

  /** Releases the service's own resources. */
  close?(): void
}

export interface CheckOptions {
  signal: AbortSignal | undefined
  logger: Logger
}

export interface NamesAndMore {
  names: string[]
  more: boolean
}

/** How a service takes large files: in parts, several at once. */
export interface MultipartUploads {
  /** In bytes: larger files go in parts. */
  readonly threshold: number
  /** In bytes. The source has the hash of each part. */
  readonly partSize: number
  /** As `put`. If it fails, nothing is left. */
  put(name: string, source: UploadSource, signal: AbortSignal | undefined): Promise<void>
  /** Deletes what dead processes left. Resolves with the number of uploads. */
  sweep(options: SweepUploadsOptions): Promise<number>
}

export interface SweepUploadsOptions {
  prefix: string
  /** Which of the names with that prefix belong to this backend. */
  isOurs: (name: string) => boolean
  /** Uploads that sent nothing for so many milliseconds. */
  olderThan: number
  signal: AbortSignal | undefined
}
