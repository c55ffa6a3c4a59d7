import type { BackendObject, ByteRange } from '../../backend/backend.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import type { ResolvedBlob } from '../../metadata/contract/queries.ts'
import type { ReadOptions } from '../calls.ts'
import type { StoreContext } from '../context.ts'
import { VerifiedChunks } from './verified-chunks.ts'

/**
 * The bytes that a row names, opened and compared with it. Damage is recorded, so that the next upload of the CID
 * repairs it.
 */
export class StoredBytes {
  readonly #store: StoreContext
  readonly #blob: ResolvedBlob
  readonly #options: ReadOptions
  readonly #about: { did: string; cid: string; backend: string }

  constructor(store: StoreContext, did: string, blob: ResolvedBlob, options: ReadOptions) {
    this.#store = store
    this.#blob = blob
    this.#options = options
    this.#about = { did, cid: blob.cid, backend: blob.backend }
  }

  /** Null if there are none under the row's key. `range` is within the blob. @throws `BlobDamaged` */
  async open(range: ByteRange | undefined): Promise<AsyncIterableIterator<Uint8Array> | null> {
    const object = await this.#get(range)
    if (!object) return null
    if (object.size !== this.#blob.size) {
      await object.body.return?.()
      throw await this.#damaged(object.size)
    }
    if (!this.#options.verify || range) return object.body
    return new VerifiedChunks(object.body, this.#about, () => this.#note())
  }

  async missing(): Promise<BlobStoreError> {
    await this.#note()
    const message = 'The bytes of this blob are missing in the backend; scrub and restore them, or upload them again'
    return new BlobStoreError('BlobMissing', message, this.#about)
  }

  async #get(range: ByteRange | undefined): Promise<BackendObject | null> {
    const { key, backend, size } = this.#blob
    const whole = range === undefined || (range.start === 0 && range.end === size - 1)
    try {
      return await this.#store.backends
        .of(backend)
        .get(key, { signal: this.#options.signal, range: whole ? undefined : range, expectedSize: size })
    } catch (error) {
      throw isBlobStoreError(error, 'InvalidRange') ? await this.#damaged('fewer') : error
    }
  }

  async #damaged(found: number | 'fewer'): Promise<BlobStoreError> {
    await this.#note()
    const message = `The backend holds ${found} bytes of a blob of ${this.#blob.size}; scrub and restore it, or upload it again`
    return new BlobStoreError('BlobDamaged', message, this.#about)
  }

  /**
   * Within the host's transaction our own write would wait for it for ever; the next read will find the damage again.
   */
  async #note(): Promise<void> {
    if (this.#options.trx) return
    await this.#store.metadata.markDamaged(this.#blob.cid, this.#blob.key)
  }
}
