import { type BlobStore, isBlobStoreError } from 'pds-blobstore'

/** What a host builds on a blob store: one picture for each account, in its profile. */
export class Avatars {
  readonly #blobs: BlobStore
  readonly #nextRev: () => string

  constructor(blobs: BlobStore, nextRev: () => string) {
    this.#blobs = blobs
    this.#nextRev = nextRev
  }

  /** Uploads the picture, and puts it into the profile. The one that it replaces is collected a day later. */
  async set(
    did: string,
    picture: AsyncIterable<Uint8Array> | Uint8Array,
  ): Promise<'set' | 'not an image' | 'no space'> {
    try {
      const avatar = await this.#blobs.upload(did, picture)
      const blobs = [{ ref: avatar, accept: ['image/png', 'image/jpeg'], maxSize: 1_000_000 }]
      await this.#blobs.applyWrites(did, [{ action: 'update', uri: profileOf(did), blobs }], { rev: this.#nextRev() })
      return 'set'
    } catch (error) {
      if (isBlobStoreError(error, 'InvalidMimeType')) return 'not an image'
      if (isBlobStoreError(error, 'StorageFull')) return 'no space'
      throw error
    }
  }

  async of(did: string): Promise<{ bytes: Uint8Array; mimeType: string } | null> {
    const [cid] = (await this.#blobs.listPublic(did)).items
    if (cid === undefined) return null
    const blob = await this.#blobs.read(did, cid)
    return { bytes: await blob.bytes(), mimeType: blob.mimeType }
  }
}

const profileOf = (did: string): string => `at://${did}/app.bsky.actor.profile/self`
