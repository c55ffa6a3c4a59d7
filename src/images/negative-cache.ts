/**
 * Remembers for a while the blobs that cannot be turned into images: repeated requests must not decode a bomb again and
 * again.
 */
export class NegativeCache {
  readonly #refusals = new Map<string, { error: unknown; until: number }>()
  readonly #most = 10_000
  readonly #time = 600_000

  add(blob: string, error: unknown): void {
    this.#refusals.delete(blob)
    this.#refusals.set(blob, { error, until: performance.now() + this.#time })
    const [oldest] = this.#refusals.keys()
    if (this.#refusals.size > this.#most && oldest !== undefined) this.#refusals.delete(oldest)
  }

  /** @throws what the last attempt with the blob threw */
  check(blob: string): void {
    const refusal = this.#refusals.get(blob)
    if (!refusal) return
    if (performance.now() < refusal.until) throw refusal.error
    this.#refusals.delete(blob)
  }
}
