import { setTimeout as pause } from 'node:timers/promises'
import { type BlobKey, keyOf, newGeneration } from '../../backend/key.ts'
import { isUnsure } from '../../backend/unsure.ts'
import { type BlobRef, createBlobRef } from '../../blob/blob-ref.ts'
import { type BlobCid, cidOfDigest } from '../../blob/cid.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import type { Entry } from '../../metadata/contract/processes.ts'
import type { Commit, CommitOutcome, GivenUp, Intent, Meeting } from '../../metadata/contract/uploads.ts'
import { isUndone } from '../../metadata/sql-errors.ts'
import type { ResolvedQuota } from '../../metadata/types.ts'
import { printable } from '../../printable.ts'
import { type StoreContext, unusedDelay } from '../context.ts'
import { unlimited } from '../limits.ts'
import { finishMeeting } from '../meeting.ts'
import type { EntryHold } from '../presence.ts'
import { inspect, notifyQuarantined } from './inspect.ts'
import type { Received, ReservedSpool } from './receive.ts'

/** How often bytes in memory are put, each time under a new key, and the least time in between, in milliseconds. */
const attempts = 3
const pauseBefore = 100

interface About {
  backend: string
  did: string
  cid: BlobCid
  size: number
}

export interface AttemptOptions {
  did: string
  quota: ResolvedQuota
  takenDown: 'refuse' | 'store'
  /** The generation whose row has reserved the space already; null for none. */
  reservation: string | null
  /** How long the upload counts as alive, in milliseconds: longer than it may take. */
  lease: number
  signal: AbortSignal
}

/** One upload's steps through the protocol, and how they are undone wherever it stops. */
export class UploadAttempt implements Disposable {
  received: Received | null = null
  readonly #store: StoreContext
  readonly #did: string
  readonly #quota: ResolvedQuota
  readonly #takenDown: 'refuse' | 'store'
  readonly #lease: number
  readonly #signal: AbortSignal
  #generation: string
  /** Whether its space was reserved before its bytes arrived. */
  #reserved = false
  /** On the entry that knows the bytes, if it has no row. */
  #hold: EntryHold | null = null
  #about: About | null = null
  /** Whether the backend has acknowledged the bytes under the key. */
  #isStored = false
  /** Whether a commit was sent whose outcome is unknown. */
  #unsure = false
  #key: BlobKey | null = null
  #settled = false

  constructor(store: StoreContext, { did, quota, takenDown, reservation, lease, signal }: AttemptOptions) {
    this.#store = store
    this.#did = did
    this.#quota = quota
    this.#takenDown = takenDown
    this.#lease = lease
    this.#signal = signal
    this.#generation = reservation ?? newGeneration(store.epoch)
    this.#reserved = reservation !== null
  }

  async openSpool(declaredSize: number | undefined, most: number): Promise<ReservedSpool> {
    const { metadata } = this.#store
    const backend = this.#store.backends.write
    if (this.#reserved) return { spool: await backend.spool({ signal: this.#signal }), reserved: unlimited }
    this.#reserved = true // even if the response is lost
    const reserved = await metadata.reserve({
      generation: this.#generation,
      backend: backend.name,
      did: this.#did,
      // With no limit, there is nothing to reserve.
      size: declaredSize === undefined && most < unlimited ? { most } : { known: declaredSize ?? 0 },
      quota: this.#quota,
      lease: this.#lease,
    })
    const spool = await backend.spool({ signal: this.#signal })
    return { spool, reserved: most < unlimited ? reserved : unlimited }
  }

  async store(
    received: Received,
    { mimeType, declared }: { mimeType: string; declared: boolean },
    createdAt: number | undefined,
  ): Promise<BlobRef> {
    const { metadata, times } = this.#store
    const { size } = received
    const cid = cidOfDigest(received.sha256)
    this.#about = { backend: this.#store.backends.write.name, did: this.#did, cid, size }
    // An inspection takes its time: a purge waits for a row, and a collection ends it if this process dies.
    if (!this.#reserved && !this.#store.hooks.inspect) this.#begin()
    let key = await this.#put(received, this.#about)
    const quarantine = await inspect(this.#store, {
      did: this.#did,
      cid,
      mimeType,
      size,
      signal: this.#signal,
      read: (over) => this.#read(key, over),
    })
    let outcome: CommitOutcome | undefined
    for (let attempt = 1; outcome === undefined; attempt++) {
      try {
        outcome = await this.#commit({
          ...this.#about,
          entry: this.#hold?.entry ?? null,
          quota: this.#quota,
          key,
          mimeType,
          declared,
          createdAt,
          takenDown: this.#takenDown,
          quarantine,
          grace: times.grace,
          fresh: times.fresh,
          deleteDelay: times.deleteDelay,
          unusedDelay: unusedDelay(this.#store),
        })
      } catch (error) {
        if (attempt === attempts || !(await this.#canGoOn(error))) throw error
        key = await this.#put(received, this.#about, { error })
      }
    }
    this.#settled = true
    const { mimeType: storedAs, quarantined, ...begun } = this.#stored(outcome, cid)
    if (quarantined && quarantine !== undefined) {
      notifyQuarantined(this.#store, { did: this.#did, cid, mimeType: storedAs, size, reason: quarantine })
    }
    this.#tellDiffering(cid, storedAs, await finishMeeting(metadata, this.#did, cid, { begun }))
    return createBlobRef({ cid, mimeType: storedAs, size })
  }

  /** From here on an entry knows what is stored under this upload's key. */
  #begin(): void {
    const former = this.#hold
    this.#hold = this.#store.presence.hold()
    former?.[Symbol.dispose]()
    this.#generation = newGeneration(this.#hold.entry.number)
  }

  [Symbol.dispose](): void {
    this.#hold?.[Symbol.dispose]()
  }

  #row(): Pick<Intent, 'generation' | 'lease' | 'reserved'> {
    return { generation: this.#generation, lease: this.#lease, reserved: this.#reserved }
  }

  /** Something in the database that knows the bytes, and the bytes under their key. */
  async #put({ size, sha256, spool, chunks }: Received, about: About, failure?: { error: unknown }): Promise<BlobKey> {
    const { metadata, backends } = this.#store
    const body = spool ? { size, sha256, spool } : { size, sha256, chunks }
    let former = failure
    for (let attempt = 1; ; attempt++) {
      const key = keyOf(about.cid, this.#generation)
      const upload = { ...about, quota: this.#quota }
      const announced = this.#hold ? metadata.admit(upload) : metadata.intend({ ...upload, ...this.#row(), key })
      if (!this.#hold) this.#key = key // even if the response is lost
      // Bytes that may be under keys that were given up count against the account, so a quota error here would hide the
      // original one.
      await announced.catch((error: unknown) => Promise.reject(former ? former.error : error))
      this.#key = key
      this.#isStored = false
      try {
        await backends.write.put(key, body, { signal: this.#signal })
        this.#isStored = true
        return key
      } catch (error) {
        if (attempt === attempts || this.#reserved || !isUnsure(error)) throw error
        former = { error }
        await this.#giveUpKey(error)
      }
    }
  }

  /**
   * After a put that may have stored the bytes or not: gives this key up, and begins the next upload, with the bytes that
   * are still in memory.
   */
  async #giveUpKey(error: unknown): Promise<void> {
    await this.#release().catch(() => Promise.reject(error))
    if (this.#hold) this.#begin()
    else this.#generation = newGeneration(this.#store.epoch)
    await pause(pauseBefore * (1 + Math.random()), undefined, { signal: this.#signal }).catch(() => {})
    this.#signal.throwIfAborted()
  }

  async #commit(commit: Commit): Promise<CommitOutcome> {
    this.#unsure = true
    try {
      return await this.#store.metadata.commit(commit)
    } catch (error) {
      this.#unsure = !isUndone(error)
      throw error
    }
  }

  /** After a commit that failed: whether the entry was closed. Then the bytes, which are in memory, are put under another. */
  async #canGoOn(error: unknown): Promise<boolean> {
    if (!this.#hold || !isBlobStoreError(error, 'UploadExpired')) return false
    await this.#store.presence.replace(this.#hold.entry)
    await this.#release()
    this.#begin()
    return true
  }

  /** Dooms what may be stored, and ends the upload's row, if it has one. */
  async #release(): Promise<void> {
    const { metadata } = this.#store
    const delay = { unusedDelay: unusedDelay(this.#store) }
    const key = this.#key
    if (!this.#hold) {
      await metadata.release({ generation: this.#generation, did: this.#did, key, ...delay })
      this.#key = null
    } else if (this.#about && key !== null) {
      this.#key = null // given up now, or in doubt
      await this.#giveUp({ ...this.#about, key, ...delay }, this.#hold.entry)
    }
  }

  async #giveUp(key: GivenUp, entry: Entry): Promise<void> {
    const { metadata, presence } = this.#store
    if (this.#unsure) {
      presence.doubt(entry, key)
      return
    }
    try {
      await metadata.giveUp(key)
    } catch (error) {
      if (await this.#deleteNow(key.key)) return
      presence.doubt(entry, key)
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

  /** Leaves nothing behind. What cannot be undone now is collected when the lease is over, or swept. */
  async abandon(): Promise<void> {
    if (this.#settled) return
    const { logger } = this.#store
    await this.received?.spool?.discard().catch(() => {})
    if (!this.#reserved && this.#key === null) return
    await this.#release().catch((error: unknown) => {
      logger.warn(
        { err: error, did: this.#did },
        'An upload could not be undone; what it has stored is deleted when its lease is over, or by a sweep',
      )
    })
  }

  /** The bytes as they were stored: what is inspected is what will be served. */
  async *#read(key: BlobKey, over: AbortSignal): AsyncGenerator<Uint8Array> {
    const object = await this.#store.backends.write.get(key, { signal: AbortSignal.any([this.#signal, over]) })
    if (object) yield* object.body
  }

  #stored(outcome: CommitOutcome, cid: string): Extract<CommitOutcome, { outcome: 'stored' }> {
    const about = { did: this.#did, cid }
    if (outcome.outcome === 'takenDown') {
      throw new BlobStoreError('BlobTakenDown', 'This blob was taken down and cannot be uploaded again', about)
    }
    if (outcome.outcome === 'accountDeleted') {
      throw new BlobStoreError('AccountDeleted', 'The blobs of this account were deleted', about)
    }
    return outcome
  }

  #tellDiffering(cid: string, mimeType: string, claims: Meeting['differing']): void {
    if (claims.length === 0) return
    const differing = claims
      .slice(0, 10)
      .map(({ recordUri, mimeType, size }) => ({ recordUri: printable(recordUri, 300), mimeType, size }))
    this.#store.logger.warn(
      { did: this.#did, cid, mimeType, differing },
      'Imported records reference this blob with another type or size than it has; they reference it anyway',
    )
  }
}
