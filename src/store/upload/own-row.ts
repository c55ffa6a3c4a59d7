import { type BlobKey, newGeneration } from '../../backend/key.ts'
import type { Admission, Commit, CommitOutcome, Reservation } from '../../metadata/contract/uploads.ts'
import type { ResolvedQuota } from '../../metadata/types.ts'
import { type StoreContext, unusedDelay } from '../context.ts'
import type { Announcement } from './announcement.ts'

export interface RowOptions {
  did: string
  quota: ResolvedQuota
  /** The generation whose row has reserved the space already; null for none. */
  reservation: string | null
  /** How long the upload counts as alive, in milliseconds: longer than it may take. */
  lease: number
}

/**
 * A row for the upload alone, which may reserve its space too. A collection ends it when its lease is over, whatever becomes
 * of this process.
 */
export class OwnRow implements Announcement {
  readonly entry = null
  readonly #store: StoreContext
  readonly #options: RowOptions
  #generation: string | null
  #key: BlobKey | null = null
  /** Whether its space was reserved before its bytes arrived. */
  #isReserved: boolean

  constructor(store: StoreContext, options: RowOptions) {
    this.#store = store
    this.#options = options
    this.#generation = options.reservation
    this.#isReserved = options.reservation !== null
  }

  get isReserved(): boolean {
    return this.#isReserved
  }

  get generation(): string {
    this.#generation ??= newGeneration(this.#store.epoch)
    return this.#generation
  }

  get mayRepeat(): boolean {
    return !this.#isReserved
  }

  /** Resolves with how many bytes are reserved. */
  reserve(size: Reservation['size']): Promise<number> {
    const { did, quota, lease } = this.#options
    this.#isReserved = true // even if the response is lost
    const backend = this.#store.backends.write.name
    return this.#store.metadata.reserve({ generation: this.generation, backend, did, size, quota, lease })
  }

  announce(key: BlobKey, upload: Admission): Promise<void> {
    this.#key = key // even if the response is lost
    const row = { generation: this.generation, lease: this.#options.lease, reserved: this.#isReserved }
    return this.#store.metadata.intend({ ...upload, ...row, key })
  }

  stored(): void {}

  commit(upload: Commit): Promise<CommitOutcome> {
    return this.#store.metadata.commit(upload)
  }

  async canGoOn(): Promise<boolean> {
    return false
  }

  async giveUp(): Promise<void> {
    const key = this.#key
    if (!this.#isReserved && key === null) return
    await this.#store.metadata.release({
      generation: this.generation,
      did: this.#options.did,
      key,
      unusedDelay: unusedDelay(this.#store),
    })
    this.#key = null
  }

  beginAgain(): void {
    this.#generation = null
  }

  [Symbol.dispose](): void {}
}
