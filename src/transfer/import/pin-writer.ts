import type { BlobStore } from '../../blob-store.ts'
import { isPinned, type PinView, pin, quarantined, unlisted } from '../../pds/pins.ts'
import type { ReferenceWriter, SourceBlob } from './reference-writer.ts'

/**
 * For a store that is attached to the PDS (`attachBlobStore`): references stay in the PDS's databases, and each
 * permanent or quarantined blob gets the pin that the PDS's own call would have created.
 */
export class PinWriter implements ReferenceWriter {
  readonly #blobs: BlobStore
  readonly #did: string

  constructor(blobs: BlobStore, did: string) {
    this.#blobs = blobs
    this.#did = did
  }

  async isDone(blob: SourceBlob): Promise<boolean> {
    const { cid } = blob
    if (blob.standing === 'temporary') return (await this.#blobs.stat(this.#did, cid, { as: 'moderator' })) !== null
    const isPublic = (await this.#blobs.stat(this.#did, cid)) !== null
    const view = viewOf(blob)
    if (view === 'public') return isPublic
    return !isPublic && isPinned(this.#blobs, this.#did, cid, view)
  }

  /** Nobody sees a blob before it has a pin. */
  async hide(): Promise<void> {}

  async keep(blob: SourceBlob): Promise<void> {
    if (blob.standing !== 'temporary') await pin(this.#blobs, this.#did, blob.cid, viewOf(blob))
  }

  async expectMissing(): Promise<void> {}

  /** An attached store asks the PDS itself. */
  async prune(): Promise<number> {
    return 0
  }
}

function viewOf({ takedown, isPublic }: SourceBlob): PinView {
  if (takedown !== null) return quarantined
  return isPublic ? 'public' : unlisted
}
