import { assertDid } from '../blob/did.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError } from '../errors.ts'
import { assertOptions } from '../options.ts'
import { PdsAccountBlobs } from './account-blobs.ts'
import type { PdsBlobStoreFactory } from './contract.ts'
import { ask, type PdsHost } from './host.ts'

export interface PdsBlobStoreOptions extends PdsHost {
  /** The class `BlobNotFoundError` of the very copy of `@atproto/repo` that the PDS has: it tells by `instanceof`. */
  BlobNotFoundError: new () => Error
}

/**
 * A blob store as the factory that `@atproto/pds` asks for: `(did) => BlobStore`. {@link attachBlobStore} makes one and
 * puts it in its place; call this for a PDS of your own make.
 *
 * The store serves this PDS alone, and only by way of the factory: its limits are off, since the PDS has its own, and
 * its hook `referenced` is set.
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
  assertOptions('pdsBlobStore', options, ['BlobNotFoundError', 'referenced', 'isDeleted'])
  const { BlobNotFoundError, referenced, isDeleted } = options
  if (typeof blobs?.upload !== 'function') throw invalid('the first argument must be what createBlobStore gives')
  if (typeof BlobNotFoundError !== 'function') {
    throw invalid('BlobNotFoundError must be that class of the PDS’s own copy of @atproto/repo')
  }
  if (typeof referenced !== 'function') throw invalid('referenced must be a function: it is asked before bytes go')
  if (blobs.hooks.referenced) throw invalid('this blob store has a host already; a store serves one PDS')
  const host: PdsHost = { referenced, isDeleted }
  blobs.hooks.referenced = async (did, cids) => {
    const standing = await ask(host, did, cids, { final: true })
    return cids.filter((cid) => standing.get(cid) === 'permanent')
  }
  const pds = { blobs, host, BlobNotFoundError, revealing: new Map<string, Promise<boolean>>() }
  return (did) => {
    assertDid(did)
    return new PdsAccountBlobs(pds, did)
  }
}

function invalid(why: string): BlobStoreError {
  return new BlobStoreError('InvalidArgument', `pdsBlobStore: ${why}`)
}
