import { MemoryBackend } from '../backend/memory.ts'
import type { BlobStore } from '../blob-store.ts'
import type { BlobStoreOptions } from '../blob-store-options.ts'
import { createBlobStore } from '../create-blob-store.ts'
import { BlobStoreError } from '../errors.ts'
import type { MetadataAdapter } from '../metadata/metadata.ts'
import { sqliteMetadata } from '../metadata/sqlite/sqlite-metadata.ts'

/** The options of `createBlobStore`, all optional. */
export interface MemoryBlobStoreOptions extends Omit<BlobStoreOptions, 'backend' | 'metadata'> {
  /** For example a `faultyBackend`. @default a `MemoryBackend` */
  backend?: BlobStoreOptions['backend'] | undefined
  /** For example `kyselyMetadata(db)` over your own database. @default SQLite in memory, a new one each time */
  metadata?: MetadataAdapter | undefined
  /**
   * The current time in milliseconds since 1970, instead of the system clock, so that a test can let a grace period
   * pass. Only without `metadata`.
   */
  now?: (() => number) | undefined
}

/**
 * A store for unit tests, in memory: no files, no server, nothing to clean up. It follows every rule of a real store;
 * the limits are the defaults. It has no janitor unless you give it one: your test calls `collect()`. `close()` is
 * allowed but not needed.
 *
 * @example
 * ```ts
 * import { memoryBlobStore } from 'pds-blobstore/testing'
 *
 * const blobs = memoryBlobStore()
 * ```
 *
 * @throws `InvalidArgument`
 */
export function memoryBlobStore({ now, backend, metadata, ...options }: MemoryBlobStoreOptions = {}): BlobStore {
  if (metadata && now) {
    throw new BlobStoreError('InvalidArgument', 'memoryBlobStore: give `now` to the metadata, which has the clock')
  }
  return createBlobStore({
    janitor: false,
    ...options,
    backend: backend ?? new MemoryBackend(),
    metadata: metadata ?? sqliteMetadata(':memory:', { now }),
  })
}
