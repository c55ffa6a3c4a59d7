import { publicScope } from '../blob/scope.ts'
import type { BlobStore } from '../blob-store.ts'
import { pin, quarantined } from '../pds/pins.ts'
import type { Keeper, SourceBlob } from './keeper.ts'

/**
 * For a store that is attached to the PDS (`attachBlobStore`): references stay in the PDS's databases, and what it has as
 * permanent or quarantined gets the pin that its own call would have made.
 */
export class PinKeeper implements Keeper {
  readonly #blobs: BlobStore
  readonly #did: string

  constructor(blobs: BlobStore, did: string) {
    this.#blobs = blobs
    this.#did = did
  }

  async isDone(blob: SourceBlob): Promise<boolean> {
    if (blob.tempKey !== null) return (await this.#blobs.stat(this.#did, blob.cid, { as: 'moderator' })) !== null
    const isPublic = (await this.#blobs.stat(this.#did, blob.cid)) !== null
    if (blob.takedownRef === null) return isPublic
    return !isPublic && (await this.#blobs.stat(this.#did, blob.cid, { scopes: [quarantined] })) !== null
  }

  async keep(blob: SourceBlob): Promise<void> {
    if (blob.tempKey !== null) return
    await pin(this.#blobs, this.#did, blob.cid, blob.takedownRef === null ? publicScope : quarantined)
  }

  async admit(): Promise<void> {}

  async expect(): Promise<void> {}

  /** The store asks the PDS itself, when it is attached. */
  async prune(): Promise<number> {
    return 0
  }
}
