import { type BlobKey, newGeneration } from '../../backend/key.ts'
import { isBlobStoreError } from '../../errors.ts'
import type { Entry } from '../../metadata/contract/processes.ts'
import type { Admission, Commit, CommitOutcome, GivenUp } from '../../metadata/contract/uploads.ts'
import { isUndone } from '../../metadata/sql-errors.ts'
import { type StoreContext, unusedDelay } from '../context.ts'
import type { EntryHold } from '../presence.ts'
import type { Announcement } from './announcement.ts'

/**
 * The entry of this process, for an upload whose bytes are in memory and are committed once they are stored. If the entry was
 * closed, they are stored again under another.
 */
export class UnderEntry implements Announcement {
  readonly mayRepeat = true
  readonly #store: StoreContext
  #hold: EntryHold
  #generation: string
  /** What may be stored; null before the put, and once it was given up or is in doubt. */
  #begun: GivenUp | null = null
  /** Whether the backend has acknowledged the bytes. */
  #isStored = false
  /** Whether a commit was sent whose outcome is unknown. */
  #isUnsure = false

  constructor(store: StoreContext) {
    this.#store = store
    this.#hold = store.presence.hold()
    this.#generation = newGeneration(this.entry.number)
  }

  get entry(): Entry {
    return this.#hold.entry
  }

  get generation(): string {
    return this.#generation
  }

  async announce(key: BlobKey, upload: Admission): Promise<void> {
    await this.#store.metadata.admit(upload)
    const { backend, did, cid, size } = upload
    this.#begun = { key, backend, did, cid, size, unusedDelay: unusedDelay(this.#store) }
    this.#isStored = false
  }

  stored(): void {
    this.#isStored = true
  }

  async commit(upload: Commit): Promise<CommitOutcome> {
    this.#isUnsure = true
    try {
      return await this.#store.metadata.commit(upload)
    } catch (error) {
      this.#isUnsure = !isUndone(error)
      throw error
    }
  }

  async canGoOn(error: unknown): Promise<boolean> {
    if (!isBlobStoreError(error, 'UploadExpired')) return false
    await this.#store.presence.replace(this.entry)
    await this.giveUp()
    this.beginAgain()
    return true
  }

  async giveUp(): Promise<void> {
    const begun = this.#begun
    if (!begun) return
    this.#begun = null
    const { metadata, presence } = this.#store
    if (this.#isUnsure) {
      presence.doubt(this.entry, begun)
      return
    }
    try {
      await metadata.giveUp(begun)
    } catch (error) {
      if (await this.#deleteNow(begun.key)) return
      presence.doubt(this.entry, begun)
      throw error
    }
  }

  /**
   * Without a tombstone, because the database takes none, as on a full disk: otherwise each upload that it refuses would
   * leave bytes until a sweep. Safe only where no `put` and no commit of the key may follow.
   */
  async #deleteNow(key: BlobKey): Promise<boolean> {
    if (!this.#isStored) return false
    const failures = await this.#store.backends.write.delete([key]).catch(() => null)
    return failures?.size === 0
  }

  beginAgain(): void {
    const former = this.#hold
    this.#hold = this.#store.presence.hold()
    former[Symbol.dispose]()
    this.#generation = newGeneration(this.entry.number)
  }

  [Symbol.dispose](): void {
    this.#hold[Symbol.dispose]()
  }
}
