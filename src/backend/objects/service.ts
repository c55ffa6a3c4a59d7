import type { ByteRange } from '../backend.ts'

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
