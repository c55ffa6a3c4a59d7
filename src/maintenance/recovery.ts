import type { CallOptions } from '../backend/backend.ts'
import type { BlobCid } from '../blob/cid.ts'
import type { StoreContext } from '../store/context.ts'

export interface RecoverOptions extends CallOptions {
  /**
   * The owners of a blob: the accounts that had it, as the host knows from its repositories, or a relay's. Called for
   * every stored CID, because the database may have forgotten the bytes, or one of the accounts that share them. A
   * record that names a CID gives its account nothing, because anybody can write such a record. What an account gets back
   * is inspected by the hook `inspect` as its upload was, and quarantined if that refuses it, or fails.
   * @default none
   */
  ownersOf?: ((cid: BlobCid, size: number) => Promise<readonly BlobOwner[]>) | undefined
  /** Called after each page of keys. */
  onProgress?: ((report: RecoverReport) => void) | undefined
}

export interface BlobOwner {
  did: string
  /** @default the type in its records that wait for the blob, otherwise 'application/octet-stream' */
  mimeType?: string | undefined
}

export interface RecoverReport {
  /** Keys in the backend. */
  keys: number
  /** Blobs given back to accounts. */
  adopted: number
  /** Forgotten ones that verified and have no owner: the next sweep dooms them. */
  unclaimed: BlobCid[]
  /**
   * Those that have owners and were given to none, because a moderator took the CID down for some account. To bring one
   * back, call `reverseTakedown` first, then recover again. What is purged for all is not even copied.
   */
  takenDown: BlobCid[]
  /** Forgotten ones that could not be read, or did not verify. */
  damaged: number
}

/** A recovery that runs. */
export interface Recovery {
  store: StoreContext
  report: RecoverReport
  options: RecoverOptions
}
