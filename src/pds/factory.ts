import type { BlobStore } from '../blob-store.ts'
import { assertOneOf, assertOptions, invalidArgument } from '../options.ts'
import type { BlobStoreHooks } from '../store/hooks.ts'
import { PdsAccountBlobs } from './account-blobs.ts'
import type { PdsBlobStoreFactory } from './contract.ts'
import { ask, isKept, type PdsHost } from './host.ts'

export interface PdsBlobStoreOptions extends PdsHost {
  /** The class `BlobNotFoundError` of the PDS's own copy of `@atproto/repo`: the PDS tests with `instanceof`. */
  BlobNotFoundError: new () => Error
  /**
   * Whose limits of size, type and quota apply to what the PDS passes: `pds`, its own alone; `store`, those of
   * `createBlobStore` too. The PDS passes bytes without a type, so their sniffed type is matched with `accept`.
   * @default 'pds'
   */
  limits?: 'pds' | 'store' | undefined
}

/** The hook of a store whose PDS was stopped: what cannot be asked about is not forgotten. */
const detached: NonNullable<BlobStoreHooks['referenced']> = async (_did, cids) => cids

/**
 * Turns a blob store into the factory that `@atproto/pds` needs: `(did) => BlobStore`. {@link attachBlobStore} creates
 * one and installs it; call this for a fork of the PDS.
 *
 * The store must serve this PDS alone, and only through the factory; its hook `referenced` is set.
 *
 * @example
 * ```ts
 * import { createBlobStore, MemoryBackend, sqliteMetadata } from 'pds-blobstore'
 * import { pdsBlobStore } from 'pds-blobstore/pds'
 *
 * class BlobNotFoundError extends Error {}
 * const blobs = createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') })
 * const blobstore = pdsBlobStore(blobs, { BlobNotFoundError, referenced: async () => [] })
 * const key = await blobstore('did:plc:alice').putTemp(new TextEncoder().encode('hello'))
 * ```
 *
 * @throws `InvalidArgument`
 */
export function pdsBlobStore(blobs: BlobStore, options: PdsBlobStoreOptions): PdsBlobStoreFactory {
  assertOptions('pdsBlobStore', options, ['BlobNotFoundError', 'referenced', 'isDeleted', 'limits'])
  const { BlobNotFoundError, referenced, isDeleted, limits = 'pds' } = options
  if (typeof blobs?.upload !== 'function')
    throw invalidArgument('pdsBlobStore', 'the first argument must be what createBlobStore returns')
  if (typeof BlobNotFoundError !== 'function') {
    throw invalidArgument('pdsBlobStore', 'BlobNotFoundError must be that class of the PDS’s own copy of @atproto/repo')
  }
  if (typeof referenced !== 'function')
    throw invalidArgument('pdsBlobStore', 'referenced must be a function: it is called before bytes are deleted')
  assertOneOf('pdsBlobStore: limits', limits, ['pds', 'store'])
  if (blobs.hooks.referenced && blobs.hooks.referenced !== detached)
    throw invalidArgument('pdsBlobStore', 'this blob store has a host already; a store serves one PDS')
  const host: PdsHost = { referenced, isDeleted }
  blobs.setHooks({
    async referenced(did, cids) {
      const standing = await ask(host, did, cids, { final: true })
      return cids.filter((cid) => isKept(standing.get(cid)))
    },
  })
  const pds = { blobs, host, BlobNotFoundError, limits, revealing: new Map<string, Promise<boolean>>() }
  return (did) => new PdsAccountBlobs(pds, did)
}

/** From now on the PDS is not asked, so nothing temporary is forgotten either, until the store is attached again. */
export function detach(blobs: BlobStore): void {
  blobs.setHooks({ referenced: detached })
}
