import { BlobStoreError } from '../../errors.ts'

/**
 * Limits how many uploads this process receives at once. Each takes memory, and perhaps a file, before any quota in the
 * database is checked. When all slots are taken they are shared: an account that has more than it would leave to the
 * next gives one up. So a few accounts that send slowly, or much, do not keep others from uploading.
 */
export class UploadSlots {
  readonly #account: number
  readonly #total: number
  /** For each account, the oldest first. */
  readonly #taken = new Map<string, Set<TakenSlot>>()
  #sum = 0

  constructor(limits: { account: number; total: number }) {
    this.#account = limits.account
    this.#total = limits.total
  }

  /** @throws `TooManyUploads` */
  take(did: string): UploadSlot {
    const taken = this.#taken.get(did)?.size ?? 0
    if (taken >= this.#account) throw tooMany(`this account uploads ${taken} blobs already`, did)
    if (this.#sum >= this.#total && !this.#makeRoom(taken))
      throw tooMany(`${this.#sum} blobs are being uploaded already`, did)
    const slot = new TakenSlot(did, (one) => this.#free(one))
    const own = this.#taken.get(did) ?? new Set()
    this.#taken.set(did, own.add(slot))
    this.#sum += 1
    return slot
  }

  /** Ends an upload of the account that has the most, if it will still have at least as many as the new account. */
  #makeRoom(taken: number): boolean {
    let [most, newest]: [number, TakenSlot | undefined] = [taken + 1, undefined]
    for (const slots of this.#taken.values()) {
      if (slots.size <= most) continue
      const receiving = [...slots].findLast((slot) => !slot.isReceived) // the newest has the least to lose
      if (receiving !== undefined) [most, newest] = [slots.size, receiving]
    }
    newest?.giveUp()
    return newest !== undefined
  }

  #free(slot: TakenSlot): void {
    const own = this.#taken.get(slot.did)
    if (!own?.delete(slot)) return
    if (own.size === 0) this.#taken.delete(slot.did)
    this.#sum -= 1
  }
}

/** One upload's slot. */
export interface UploadSlot extends Disposable {
  /** Aborts when another account gets the slot. */
  readonly signal: AbortSignal
  /** All bytes have arrived: the slot will soon be free, and is no longer taken away. */
  received(): void
}

class TakenSlot implements UploadSlot {
  readonly did: string
  isReceived = false
  readonly #controller = new AbortController()
  readonly #free: (slot: TakenSlot) => void

  constructor(did: string, free: (slot: TakenSlot) => void) {
    this.did = did
    this.#free = free
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  received(): void {
    this.isReceived = true
  }

  giveUp(): void {
    this.#free(this)
    this.#controller.abort(tooMany('others wait, and this account has the most', this.did))
  }

  [Symbol.dispose](): void {
    this.#free(this)
  }
}

function tooMany(what: string, did: string): BlobStoreError {
  return new BlobStoreError('TooManyUploads', `Too many uploads at once: ${what}; try again`, {
    did,
    transient: true,
  })
}
