import { MemoryBackend, type PutBody } from '../../../src/index.ts'
import type { Stored } from './audit.ts'

/** The bytes that all processes share. */
export class Place extends MemoryBackend implements Stored {
  readonly #deleted = new Set<string>()
  readonly #late = new Set<string>()

  cameTooLate(key: string): boolean {
    return this.#late.has(key)
  }

  override async put(key: string, body: PutBody): Promise<void> {
    await super.put(key, body)
    if (this.#deleted.has(key)) this.#late.add(key)
  }

  override async delete(keys: readonly string[]): Promise<Map<string, Error>> {
    for (const key of keys) this.#deleted.add(key)
    return super.delete(keys)
  }
}
