import { setTimeout as pause } from 'node:timers/promises'
import { type BlobKey, keyOf } from '../../backend/key.ts'
import { isUnsure } from '../../backend/unsure.ts'
import { type BlobRef, createBlobRef } from '../../blob/blob-ref.ts'
import { cidOfDigest } from '../../blob/cid.ts'
import { BlobStoreError } from '../../errors.ts'
import type { Admission, CommitOutcome, Meeting } from '../../metadata/contract/uploads.ts'
import { printable } from '../../printable.ts'
import { type StoreContext, unusedDelay } from '../context.ts'
import { unlimited } from '../limits.ts'
import { finishMeeting } from '../meeting.ts'
import type { Announcement } from './announcement.ts'
import { inspect, notifyQuarantined } from './inspect.ts'
import { OwnRow, type RowOptions } from './own-row.ts'
import type { Received, ReservedSpool } from './receive.ts'
import { UnderEntry } from './under-entry.ts'

/** How often bytes in memory are put, each time under a new key, and the least time in between, in milliseconds. */
const attempts = 3
const pauseBefore = 100

export interface AttemptOptions extends RowOptions {
  takenDown: 'refuse' | 'store'
  signal: AbortSignal
}

/** One upload's steps through the protocol, and how they are undone wherever it stops. */
export class UploadAttempt implements Disposable {
  received: Received | null = null
  readonly #store: StoreContext
  readonly #options: AttemptOptions
  readonly #row: OwnRow
  #announcement: Announcement
  #settled = false

  constructor(store: StoreContext, options: AttemptOptions) {
    this.#store = store
    this.#options = options
    this.#row = new OwnRow(store, options)
    this.#announcement = this.#row
  }

  async openSpool(declaredSize: number | undefined, most: number): Promise<ReservedSpool> {
    const { signal } = this.#options
    const backend = this.#store.backends.write
    if (this.#row.isReserved) return { spool: await backend.spool({ signal }), reserved: unlimited }
    // With no limit, there is nothing to reserve.
    const size = declaredSize === undefined && most < unlimited ? { most } : { known: declaredSize ?? 0 }
    const reserved = await this.#row.reserve(size)
    const spool = await backend.spool({ signal })
    return { spool, reserved: most < unlimited ? reserved : unlimited }
  }

  async store(
    received: Received,
    { mimeType, declared }: { mimeType: string; declared: boolean },
    createdAt: number | undefined,
  ): Promise<BlobRef> {
    const { metadata, times, backends, hooks } = this.#store
    const { did, quota, takenDown, signal } = this.#options
    const { size } = received
    const cid = cidOfDigest(received.sha256)
    const upload = { backend: backends.write.name, did, cid, size, quota }
    // An inspection takes its time: a purge waits for a row, and a collection ends it if this process dies.
    if (!this.#row.isReserved && !hooks.inspect) this.#announcement = new UnderEntry(this.#store)
    let key = await this.#put(received, upload)
    const quarantine = await inspect(this.#store, {
      did,
      cid,
      mimeType,
      size,
      signal,
      read: (over) => this.#read(key, over),
    })
    let outcome: CommitOutcome | undefined
    for (let attempt = 1; outcome === undefined; attempt++) {
      try {
        outcome = await this.#announcement.commit({
          ...upload,
          entry: this.#announcement.entry,
          key,
          mimeType,
          declared,
          createdAt,
          takenDown,
          quarantine,
          grace: times.grace,
          fresh: times.fresh,
          deleteDelay: times.deleteDelay,
          unusedDelay: unusedDelay(this.#store),
        })
      } catch (error) {
        if (attempt === attempts || !(await this.#announcement.canGoOn(error))) throw error
        key = await this.#put(received, upload, { error })
      }
    }
    this.#settled = true
    const { mimeType: storedAs, quarantined, ...begun } = this.#stored(outcome, cid)
    if (quarantined && quarantine !== undefined) {
      notifyQuarantined(this.#store, { did, cid, mimeType: storedAs, size, reason: quarantine })
    }
    this.#tellDiffering(cid, storedAs, await finishMeeting(metadata, did, cid, { begun }))
    return createBlobRef({ cid, mimeType: storedAs, size })
  }

  /**
   * The bytes under a key that is announced. If a put may have stored them or not, gives the key up, and begins again with
   * the bytes that are still in memory. `failure` is why this is not the first attempt.
   */
  async #put(
    { size, sha256, spool, chunks }: Received,
    upload: Admission,
    failure?: { error: unknown },
  ): Promise<BlobKey> {
    const announcement = this.#announcement
    const body = spool ? { size, sha256, spool } : { size, sha256, chunks }
    let former = failure
    for (let attempt = 1; ; attempt++) {
      const key = keyOf(upload.cid, announcement.generation)
      // Bytes that may be under keys that were given up count against the account, so a quota error here would hide the
      // original one.
      await announcement.announce(key, upload).catch((error: unknown) => Promise.reject(former ? former.error : error))
      try {
        await this.#store.backends.write.put(key, body, { signal: this.#options.signal })
        announcement.stored()
        return key
      } catch (error) {
        if (attempt === attempts || !announcement.mayRepeat || !isUnsure(error)) throw error
        former = { error }
        await announcement.giveUp().catch(() => Promise.reject(error))
        announcement.beginAgain()
        await this.#pause()
      }
    }
  }

  async #pause(): Promise<void> {
    const { signal } = this.#options
    await pause(pauseBefore * (1 + Math.random()), undefined, { signal }).catch(() => {})
    signal.throwIfAborted()
  }

  /** Leaves nothing behind. What cannot be undone now is collected when the lease is over, or swept. */
  async abandon(): Promise<void> {
    if (this.#settled) return
    await this.received?.spool?.discard().catch(() => {})
    await this.#announcement.giveUp().catch((error: unknown) => {
      this.#store.logger.warn(
        { err: error, did: this.#options.did },
        'An upload could not be undone; what it has stored is deleted when its lease is over, or by a sweep',
      )
    })
  }

  [Symbol.dispose](): void {
    this.#announcement[Symbol.dispose]()
  }

  /** The bytes as they were stored: what is inspected is what will be served. */
  async *#read(key: BlobKey, over: AbortSignal): AsyncGenerator<Uint8Array> {
    const object = await this.#store.backends.write.get(key, { signal: AbortSignal.any([this.#options.signal, over]) })
    if (object) yield* object.body
  }

  #stored(outcome: CommitOutcome, cid: string): Extract<CommitOutcome, { outcome: 'stored' }> {
    const about = { did: this.#options.did, cid }
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
      { did: this.#options.did, cid, mimeType, differing },
      'Imported records reference this blob with another type or size than it has; they reference it anyway',
    )
  }
}
