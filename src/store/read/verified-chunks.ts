import { createHash } from 'node:crypto'
import { type BlobCid, cidOfDigest } from '../../blob/cid.ts'
import { BlobStoreError } from '../../errors.ts'

/**
 * The same bytes, one chunk late: the last chunk is passed on only when the hash of all was right, so that damaged
 * bytes never look complete. A blob of one chunk is verified before any of it is passed on.
 */
export class VerifiedChunks implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterableIterator<Uint8Array>
  readonly #about: { did: string; cid: BlobCid; backend: string }
  readonly #onDamaged: () => Promise<void>
  readonly #hash = createHash('sha256')
  #held: Uint8Array | null = null
  #done = false

  constructor(
    source: AsyncIterableIterator<Uint8Array>,
    about: { did: string; cid: BlobCid; backend: string },
    onDamaged: () => Promise<void>,
  ) {
    this.#source = source
    this.#about = about
    this.#onDamaged = onDamaged
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (!this.#done) {
      const next = await this.#source.next()
      const ready = this.#held
      if (next.done) {
        this.#done = true
        await this.#verify()
        if (ready) return { value: ready, done: false }
        break
      }
      this.#hash.update(next.value)
      this.#held = await this.#copied(next.value)
      if (ready) return { value: ready, done: false }
    }
    return { value: undefined, done: true }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#done = true
    await this.#source.return?.()
    return { value: undefined, done: true }
  }

  /** The source may reuse its chunk. */
  async #copied(chunk: Uint8Array): Promise<Uint8Array> {
    try {
      return new Uint8Array(chunk)
    } catch (error) {
      await this.return().catch(() => {}) // there is no memory for it
      throw error
    }
  }

  async #verify(): Promise<void> {
    if (cidOfDigest(this.#hash.digest()) === this.#about.cid) return
    await this.#onDamaged()
    throw new BlobStoreError(
      'BlobDamaged',
      'The bytes are not those that were stored; upload them again to repair the blob',
      this.#about,
    )
  }
}
