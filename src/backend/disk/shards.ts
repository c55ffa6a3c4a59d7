import { makeDirectory, syncDirectory } from '../files/directory.ts'
import type { Layout } from './layout.ts'

/**
 * The shards that exist, and whose name in their parent is on stable storage: a blob in a directory that a power cut
 * takes away is no blob. Another process may have made a shard and not yet have synced it, so one that this process
 * has not seen at open is synced once, also one that another process made.
 */
export class Shards {
  readonly #ready = new Map<string, Promise<void>>()
  readonly #layout: Layout
  readonly #durable: boolean

  constructor(layout: Layout, durable: boolean) {
    this.#layout = layout
    this.#durable = durable
  }

  /** Takes note of shards that were found, and are on stable storage. */
  found(shards: readonly string[]): void {
    for (const shard of shards) this.#ready.set(shard, Promise.resolve())
  }

  /** Another program removed it. */
  forget(shard: string): void {
    this.#ready.delete(shard)
  }

  ready(shard: string): Promise<void> {
    const known = this.#ready.get(shard)
    if (known !== undefined) return known
    const made = this.#make(shard)
    this.#ready.set(shard, made)
    made.catch(() => this.forget(shard))
    return made
  }

  async #make(shard: string): Promise<void> {
    await makeDirectory(this.#layout.shard(shard))
    if (this.#durable) await syncDirectory(this.#layout.blobs)
  }
}
