import type { Readable } from 'node:stream'
import type { CidLike } from '../blob/cid.ts'

/** A CID as the PDS has it, of any class. */
export type PdsCid = CidLike

/**
 * The interface by which `@atproto/pds` stores blobs: `BlobStore` of `@atproto/repo`, without importing it. For the
 * blobs of one account. A blob is *temporary* under its own key until `makePermanent`, then *stored* under its CID, or
 * *quarantined*, where nobody reads it.
 *
 * "Not found" is an error of the PDS's own class `BlobNotFoundError`.
 */
export interface PdsBlobStore {
  /** Stores bytes before their CID is known, and resolves with a key that no other call returns. */
  putTemp(bytes: Uint8Array | Readable): Promise<string>
  /**
   * Idempotent: it may be called again with the same key, or with that of another upload of the same bytes. Throws "not
   * found".
   */
  makePermanent(key: string, cid: PdsCid): Promise<void>
  putPermanent(cid: PdsCid, bytes: Uint8Array | Readable): Promise<void>
  /** Throws "not found" unless it is stored. */
  quarantine(cid: PdsCid): Promise<void>
  /** Throws "not found" unless it is quarantined, or stored. */
  unquarantine(cid: PdsCid): Promise<void>
  /** Throws "not found" unless it is stored. */
  getBytes(cid: PdsCid): Promise<Uint8Array>
  /** Throws "not found" unless it is stored. */
  getStream(cid: PdsCid): Promise<Readable>
  hasTemp(key: string): Promise<boolean>
  hasStored(cid: PdsCid): Promise<boolean>
  /** Deletes a stored or quarantined blob; an absent blob is no error. */
  delete(cid: PdsCid): Promise<void>
  deleteMany(cids: PdsCid[]): Promise<void>
}

/** Called about once per request, so the store behind it is shared. */
export type PdsBlobStoreFactory = (did: string) => PdsBlobStore
