import { makeDirectory, syncDirectory } from '../files/directory.ts'
import type { Layout } from './layout.ts'

/**
 * The shards that exist and whose directory entry is on stable storage: if a power cut removes the directory, its blobs
 * are lost. Another process may have created a shard and not synced it yet, so this process syncs each shard once that
 * it did not see at open.
 */
export class Shards {
  readonly #ready = new Map<string, Promise<void>>()
  readonly #layout: Layout
  readonly #durable: boolean

  constructor(layout: Layout, durable: boolean) {
    this.#layout = layout
    this.#durable = durable
  }

  /** Adds shards that exist and are on stable storage. */
  found(shards: readonly string[]): void {
    for (const shard of shards) this.#ready.set(shard, Promise.resolve())
  }

  /** Removes a shard that another program deleted. */
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
    await makeDirectory(this.#layout.shard(shard), this.#layout.owner)
    if (this.#durable) await syncDirectory(this.#layout.blobs)
  }
}
