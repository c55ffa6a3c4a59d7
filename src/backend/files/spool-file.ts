import { randomUUID } from 'node:crypto'
import { byteCount } from '../arguments.ts'
import { errnoOf, ifThere, Refusal, sys } from './system-calls.ts'
import { writeAll } from './write-all.ts'

/** Bytes on their way in: a file of a random name. Errors are the bare ones of the system calls. */
export class SpoolFile {
  readonly #path: string
  #fd: number | undefined
  #size = 0
  #gone = false
  // Nobody knows what a write or fsync that failed has left in the file: it is not tried again.
  #dead = false
  /** What it does at the moment; closing waits for it, since a closed descriptor may already be another file's. */
  #busy: Promise<void> = Promise.resolve()

  private constructor(path: string, fd: number) {
    this.#path = path
    this.#fd = fd
  }

  static async create(directory: string): Promise<SpoolFile> {
    const path = `${directory}/${randomUUID()}`
    return new SpoolFile(path, await sys.create(path))
  }

  /** As many bytes as the kernel said that it took. */
  get size(): number {
    return this.#size
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#next(async (fd) => {
      await writeAll(fd, chunks)
      this.#size += byteCount(chunks)
    })
  }

  /** Ends the writing. When it resolves with `durable`, the bytes are on stable storage. */
  finish(durable: boolean): Promise<void> {
    return this.#next(async (fd) => {
      if (durable) await sys.fsync(fd)
      this.#fd = undefined
      await sys.close(fd)
    })
  }

  /** A descriptor on the finished file, the caller's to close: its bytes stay readable by it, whatever becomes of the file. */
  openToRead(): Promise<number> {
    return sys.openToRead(this.#path)
  }

  /** Gives the finished file the name that it was written for, in one step. */
  async moveTo(path: string): Promise<void> {
    await sys.rename(this.#path, path)
    this.#gone = true
  }

  /** Gives the finished file a name, unless another file has it. */
  async linkTo(path: string): Promise<void> {
    try {
      await sys.link(this.#path, path)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
  }

  async discard(): Promise<void> {
    const fd = this.#fd
    this.#fd = undefined // before waiting, or a write could begin on it meanwhile
    await this.#busy
    if (fd !== undefined) await sys.close(fd).catch(() => {})
    if (this.#gone) return
    await ifThere(sys.unlink(this.#path), undefined)
    this.#gone = true
  }

  #next(step: (fd: number) => Promise<void>): Promise<void> {
    const fd = this.#fd
    if (fd === undefined) return Promise.reject(new Refusal('EBADF', 'the spool was discarded or put before'))
    if (this.#dead) return Promise.reject(new Refusal('EBADF', 'the spool failed before; write the bytes to a new one'))
    const busy = step(fd)
    this.#busy = busy.catch(() => {
      this.#dead = true
    })
    return busy
  }
}

/**
 * Deletes the spools in a directory that nobody has written to for `olderThan` milliseconds. What says that it was written to
 * that far in the future counts as written to now.
 */
export async function sweepSpoolFiles(directory: string, olderThan: number, signal?: AbortSignal): Promise<number> {
  let swept = 0
  for (const name of await sys.readdir(directory)) {
    if (!isSpoolName(name)) continue
    signal?.throwIfAborted()
    const path = `${directory}/${name}`
    const found = await ifThere(sys.lstat(path), null)
    if (found === null) continue
    const age = Date.now() - found.mtimeMs
    // Written by a clock that ran ahead, here or on another machine: a process that lives writes again.
    if (age < -olderThan) await ifThere(sys.touch(path), undefined)
    if (age <= olderThan) continue
    if (await ifThere(unlinked(path), false)) swept++
  }
  return swept
}

function isSpoolName(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)
}

async function unlinked(path: string): Promise<true> {
  await sys.unlink(path)
  return true
}
