import { byteCount } from '../arguments.ts'
import type { Spool } from '../backend.ts'
import type { FreeSpace } from './free-space.ts'
import type { SpoolFile } from './spool-file.ts'

/** A spool file in the caller's hands, with the library's errors. */
export class DiskSpool implements Spool {
  readonly file: SpoolFile
  readonly #space: FreeSpace
  readonly #explain: (error: unknown) => unknown
  readonly #open: Set<DiskSpool>

  /** `open` is where it enters itself until it is taken or discarded. */
  constructor(file: SpoolFile, space: FreeSpace, explain: (error: unknown) => unknown, open: Set<DiskSpool>) {
    this.file = file
    this.#space = space
    this.#explain = explain
    this.#open = open
    open.add(this)
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#space.take(byteCount(chunks), 0)
      await this.file.write(chunks)
    } catch (error) {
      throw this.#explain(error)
    }
  }

  async discard(): Promise<void> {
    this.#open.delete(this)
    try {
      await this.file.discard()
    } catch (error) {
      throw this.#explain(error)
    }
  }
}
