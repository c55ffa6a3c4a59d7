import { resolve } from 'node:path'
import type { Floor } from './free-space.ts'
import { FreeSpace } from './free-space.ts'
import { defaultSpoolDirectory, openSpoolDirectory } from './spool-directory.ts'
import { SpoolFile, sweepSpoolFiles } from './spool-file.ts'

/** Where a backend without files of its own keeps what is on its way in. Errors are the bare ones of the system calls. */
export class SpoolFolder {
  readonly space: FreeSpace
  readonly #path: string

  /** @param path of the system's temporary folder when undefined */
  constructor(path: string | undefined, minFree: Floor) {
    this.#path = resolve(path ?? defaultSpoolDirectory())
    this.space = new FreeSpace(this.#path, minFree)
  }

  /** Makes it where it is missing, and checks it: before each use, since cleaners take what was not used for long. */
  open(): Promise<void> {
    return openSpoolDirectory(this.#path)
  }

  async create(): Promise<SpoolFile> {
    await this.open()
    await this.space.take(0, 1)
    return await SpoolFile.create(this.#path)
  }

  /** Deletes what nobody has written to for `olderThan` milliseconds. */
  async sweep(olderThan: number, signal: AbortSignal | undefined): Promise<number> {
    await this.open()
    return await sweepSpoolFiles(this.#path, olderThan, signal)
  }
}
