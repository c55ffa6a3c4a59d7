import { byteCount } from '../arguments.ts'
import type { Spool } from '../backend.ts'
import type { FreeSpace } from './free-space.ts'
import type { SpoolFile } from './spool-file.ts'

export interface FileSpoolOptions {
  file: SpoolFile
  space: FreeSpace
  /** Turns an error of a system call into the library's. */
  explain: (error: unknown) => unknown
  /** Contains this spool until it is taken or discarded. */
  open: Set<FileSpool>
}

/** A spool file as callers use it, with the library's errors. */
export class FileSpool implements Spool {
  readonly #options: FileSpoolOptions

  constructor(options: FileSpoolOptions) {
    this.#options = options
    options.open.add(this)
  }

  get file(): SpoolFile {
    return this.#options.file
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const { file, space, explain } = this.#options
    try {
      await space.take(byteCount(chunks), 0)
      await file.write(chunks)
    } catch (error) {
      throw explain(error)
    }
  }

  async readBack(start: number, end: number): Promise<Uint8Array> {
    try {
      return await this.#options.file.read(start, end)
    } catch (error) {
      throw this.#options.explain(error)
    }
  }

  async discard(): Promise<void> {
    const { file, explain, open } = this.#options
    open.delete(this)
    try {
      await file.discard()
    } catch (error) {
      throw explain(error)
    }
  }
}
