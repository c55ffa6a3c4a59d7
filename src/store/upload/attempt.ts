import { setTimeout as pause } from 'node:timers/promises'
import { type BlobKey, keyOf, newGeneration } from '../../backend/key.ts'
import { isUnsure } from '../../backend/unsure.ts'
import { type BlobRef, createBlobRef } from '../../blob/blob-ref.ts'
import { type BlobCid, cidOfDigest } from '../../blob/cid.ts'
import { BlobStoreError } from '../../errors.ts'
import type { CommitOutcome, Meeting } from '../../metadata/contract/uploads.ts'
import type { ResolvedQuota } from '../../metadata/types.ts'
import { printable } from '../../printable.ts'
import { type StoreContext, unusedDelay } from '../context.ts'
import { unlimited } from '../limits.ts'
import { finishMeeting } from '../meeting.ts'
import { inspect, notifyQuarantined } from './inspect.ts'
import type { Received, ReservedSpool } from './receive.ts'

/** How often bytes in memory are put, each time under a new key, and the least time in between, in milliseconds. */
const attempts = 3
const pauseBefore = 100

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
export class UploadAttempt {
  received: Received | null = null
  readonly #store: StoreContext
  readonly #did: string
  readonly #quota: ResolvedQuota
  readonly #takenDown: 'refuse' | 'store'
  readonly #lease: number
  readonly #signal: AbortSignal
  #generation: string
  #reserved = false
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
    const backend = this.#store.backends.write
    const { size } = received
    const cid = cidOfDigest(received.sha256)
    const about = { backend: backend.name, did: this.#did, cid, size }
    const key = await this.#put(received, about)
    const row = { ...about, key }
    const quarantine = await inspect(this.#store, {
      did: this.#did,
      cid,
      mimeType,
      size,
      signal: this.#signal,
      read: (over) => this.#read(key, over),
    })
    const outcome = await metadata.commit({
      ...row,
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
    this.#settled = true
    const { mimeType: storedAs, quarantined, ...begun } = this.#stored(outcome, cid)
    if (quarantined && quarantine !== undefined) {
      notifyQuarantined(this.#store, { did: this.#did, cid, mimeType: storedAs, size, reason: quarantine })
    }
    this.#tellDiffering(cid, storedAs, await finishMeeting(metadata, this.#did, cid, { begun }))
    return createBlobRef({ cid, mimeType: storedAs, size })
  }

  /** Row before bytes, and the bytes under its key. */
  async #put(
    { size, sha256, spool, chunks }: Received,
    about: { backend: string; did: string; cid: BlobCid; size: number },
  ): Promise<BlobKey> {
    const { metadata, backends } = this.#store
    const body = spool ? { size, sha256, spool } : { size, sha256, chunks }
    let failure: { error: unknown } | undefined
    for (let attempt = 1; ; attempt++) {
      const key = keyOf(about.cid, this.#generation)
      this.#key = key
      const intent = metadata.intend({
        ...about,
        key,
        generation: this.#generation,
        quota: this.#quota,
        lease: this.#lease,
        reserved: this.#reserved,
      })
      // Bytes that may be under keys that were given up count against the account, so a quota error here would hide the
      // original one.
      await intent.catch((error: unknown) => Promise.reject(failure ? failure.error : error))
      try {
        await backends.write.put(key, body, { signal: this.#signal })
        return key
      } catch (error) {
        if (attempt === attempts || this.#reserved || !isUnsure(error)) throw error
        failure = { error }
        await this.#giveUpKey(error)
      }
    }
  }

  /**
   * After a put that may have stored the bytes or not: ends this upload as failed, and begins the next, with the bytes
   * that are still in memory and a new key.
   */
  async #giveUpKey(error: unknown): Promise<void> {
    await this.#release().catch(() => Promise.reject(error))
    this.#key = null
    this.#generation = newGeneration(this.#store.epoch)
    await pause(pauseBefore * (1 + Math.random()), undefined, { signal: this.#signal }).catch(() => {})
    this.#signal.throwIfAborted()
  }

  #release(): Promise<void> {
    return this.#store.metadata.release({
      generation: this.#generation,
      did: this.#did,
      key: this.#key,
      unusedDelay: unusedDelay(this.#store),
    })
  }

  /** Leaves nothing behind. What cannot be undone now is collected when the lease is over. */
  async abandon(): Promise<void> {
    if (this.#settled) return
    const { logger } = this.#store
    await this.received?.spool?.discard().catch(() => {})
    if (!this.#reserved && this.#key === null) return
    await this.#release().catch((error: unknown) => {
      logger.warn(
        { err: error, did: this.#did },
        'An upload could not be undone; it is collected when its lease is over',
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
