import { BlobStoreError } from '../errors.ts'

/**
 * How many uploads are received at once in this process. Each takes memory, and perhaps a file, before any quota in the
 * database is asked: this is what bounds them.
 */
export class UploadSlots {
  readonly #account: number
  readonly #total: number
  readonly #taken = new Map<string, number>()
  #sum = 0

  constructor(limits: { account: number; total: number }) {
    this.#account = limits.account
    this.#total = limits.total
  }

  /** @throws `TooManyUploads` */
  take(did: string): Disposable {
    const taken = this.#taken.get(did) ?? 0
    if (taken >= this.#account) throw tooMany(`this account uploads ${taken} blobs`, did)
    if (this.#sum >= this.#total) throw tooMany(`${this.#sum} blobs are being uploaded`, did)
    this.#taken.set(did, taken + 1)
    this.#sum += 1
    return { [Symbol.dispose]: () => this.#free(did) }
  }

  #free(did: string): void {
    const left = (this.#taken.get(did) ?? 1) - 1
    if (left === 0) this.#taken.delete(did)
    else this.#taken.set(did, left)
    this.#sum -= 1
  }
}

function tooMany(what: string, did: string): BlobStoreError {
  return new BlobStoreError('TooManyUploads', `Too many uploads at once: ${what} already; try again`, {
    did,
    transient: true,
  })
}
