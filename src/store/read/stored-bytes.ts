import type { BackendFile, BackendObject, ByteRange } from '../../backend/backend.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import type { ResolvedBlob } from '../../metadata/contract/queries.ts'
import type { ReadOptions } from '../calls.ts'
import type { StoreContext } from '../context.ts'
import { isForMirror } from './is-for-mirror.ts'
import { VerifiedChunks } from './verified-chunks.ts'

interface OpenBytes {
  body: AsyncIterableIterator<Uint8Array>
  file: BackendFile | undefined
}

/**
 * The bytes that a row names, opened and compared with it. Damage is recorded, so that the next upload of the CID
 * repairs it.
 */
export class StoredBytes {
  readonly #store: StoreContext
  readonly #blob: ResolvedBlob
  readonly #options: ReadOptions
  readonly #about: { did: string; cid: string; backend: string }
  #triedMirror = false

  constructor(store: StoreContext, did: string, blob: ResolvedBlob, options: ReadOptions) {
    this.#store = store
    this.#blob = blob
    this.#options = options
    this.#about = { did, cid: blob.cid, backend: blob.backend }
  }

  /**
   * Null if there are none under the row's key. `range` is within the blob. Bytes that are damaged, or at which the
   * backend fails for good, are read from the mirror, if there is one.
   *
   * @throws `BlobDamaged`, and what the backend throws
   */
  async open(range: ByteRange | undefined): Promise<OpenBytes | null> {
    const known = this.#blob.damaged ? await this.openMirrored(range) : null
    if (known) return known
    try {
      return await this.#open(range)
    } catch (error) {
      const copy = isForMirror(error) ? await this.openMirrored(range) : null
      if (copy) return copy
      throw error
    }
  }

  /** The copy in the mirror. Null if there is none. */
  async openMirrored(range: ByteRange | undefined): Promise<OpenBytes | null> {
    const { mirror } = this.#store.backends
    // A body that ends because the store was closed must not go on in the mirror.
    if (!mirror || mirror.isClosed || this.#triedMirror) return null
    this.#triedMirror = true
    const { openMirrored } = await import('./mirrored.ts')
    const body = await openMirrored(this.#store, {
      blob: this.#blob,
      range,
      did: this.#about.did,
      options: this.#options,
    })
    return body && { body, file: undefined }
  }

  async #open(range: ByteRange | undefined): Promise<OpenBytes | null> {
    const object = await this.#get(range)
    if (!object) return null
    if (object.size !== this.#blob.size) {
      await object.body.return?.()
      throw await this.#damaged(object.size)
    }
    const open =
      !this.#options.verify || range
        ? { body: object.body, file: object.file }
        : { body: new VerifiedChunks(object.body, this.#about, () => this.#note()), file: undefined }
    if (!this.#store.backends.mirror) return open
    const { OrMirrored } = await import('./mirrored.ts')
    const copy = async () => (await this.openMirrored(range))?.body ?? null
    return { ...open, body: new OrMirrored(open.body, copy) }
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
