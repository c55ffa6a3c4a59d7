import type { Logger } from '../../logger.ts'
import type { ByteRange, PresignOptions } from '../backend.ts'
import type { UploadBody, UploadSource } from './upload-source.ts'

/**
 * Something that keeps bytes under names, as most storage services do: what an `ObjectBackend` asks of it, and all that a
 * backend author has to write.
 *
 * Names are `marker` and `blobs/<key>`, at most 93 characters of `[a-z0-9./-]`. Every method may be called concurrently,
 * from several processes too, and ends when its `signal` is aborted.
 *
 * Each rejects with a `BlobStoreError` where it knows what is wrong: `StorageFull`, or `StorageFailed` with `transient`
 * saying whether the same call may succeed later. Whatever else it rejects with, as `fetch` does when the network fails,
 * counts as transient. Repeating is not its business.
 */
export interface ObjectService {
  /**
   * Stores exactly `size` bytes. Until it resolves nobody finds the object, or any part of it; from then on everybody
   * does, and where the backend is `durable`, it is on stable storage. When it rejects it may be there or not.
   * A name is put once, but for `marker`, which is replaced in one step.
   */
  put(name: string, body: AsyncIterable<Uint8Array>, options: PutObjectOptions): Promise<void>

  /**
   * Opens an object, or resolves with null when there is none. With a `range` that does not lie within it the size is
   * what counts, and `body` is not looked at. A chunk is the reader's until the next is asked for.
   */
  get(name: string, options: GetObjectOptions): Promise<StoredObject | null>

  /** Deletes an object; one that is absent was deleted. */
  delete(name: string, options: ServiceOptions): Promise<void>

  /**
   * The names that begin with `prefix` and come after `after`, in ascending order of their characters' codes: as many as
   * `limit`, or all that are left.
   */
  list(options: ListObjectsOptions): Promise<string[]>
}

export interface ServiceOptions {
  signal: AbortSignal
}

export interface PutObjectOptions extends ServiceOptions {
  /** In bytes. */
  size: number
  /** Of the bytes, for services that verify what they receive. */
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
  /** Of the whole object, in bytes, whatever the range. */
  size: number
  /** The bytes asked for. Aborting the signal must end it. */
  body: AsyncIterable<Uint8Array>
}

/**
 * What a {@link RemoteBackend} asks of a service of this package: the four methods, told a little more, and what only some
 * services can. Each makes one request, once, but for `multipart` and `check`, which keep the time and repeat by
 * themselves. Names, errors and signals are as in {@link ObjectService}.
 */
export interface RemoteService extends Omit<ObjectService, 'list'> {
  /** Not a chunk of a body is used again: who has one may keep it. Then small objects are read to memory at once. */
  readonly keepable?: boolean

  put(name: string, body: UploadBody, options: PutObjectOptions): Promise<void>

  /** `atOnce`: the body is read as it arrives, not at the pace of a slow client. */
  get(name: string, options: GetObjectOptions & { atOnce: boolean }): Promise<StoredObject | null>

  /** An array: there may be more where it is as long as `limit`. Else `more` says it, and there may be fewer. */
  list(options: ListObjectsOptions): Promise<string[] | NamesAndMore>

  /** Its size without its bytes, or null. */
  head?(name: string, options: ServiceOptions): Promise<{ size: number | undefined } | null>

  /** Up to 1000 objects. Resolves with those that were not deleted and why; null where the service knows no such request. */
  deleteMany?(names: readonly string[], options: ServiceOptions): Promise<Map<string, unknown> | null>

  /** Stores an object unless there is one. `unsupported`: the service does not take such requests. */
  putIfAbsent?(name: string, bytes: Uint8Array, options: ServiceOptions): Promise<'written' | 'exists' | 'unsupported'>

  readonly multipart?: MultipartUploads

  /** As `BlobBackend.presign`. */
  presign?(name: string, options: PresignOptions): Promise<string>

  /** Looks, when the backend opens, whether all that will be asked can be, and warns of what is not as it should be. */
  check?(options: CheckOptions): Promise<void>

  /** Releases what the service itself took. */
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
  /** In bytes: larger ones go in parts. */
  readonly threshold: number
  /** In bytes. The source's file has the hash of each part. */
  readonly partSize: number
  /** As `put`; nothing of it is left where it fails. */
  put(name: string, source: UploadSource, signal: AbortSignal | undefined): Promise<void>
  /** Throws away what was left by processes that died. Resolves with how many uploads there were. */
  sweep(options: SweepUploadsOptions): Promise<number>
}

export interface SweepUploadsOptions {
  prefix: string
  /** Of the names with that prefix, those that count. */
  isOurs: (name: string) => boolean
  /** For how many milliseconds nothing was sent. */
  olderThan: number
  signal: AbortSignal | undefined
}
