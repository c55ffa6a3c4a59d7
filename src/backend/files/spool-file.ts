import { randomUUID } from 'node:crypto'
import { byteCount } from '../arguments.ts'
import { giveTo, type Owner } from './owner.ts'
import { errnoOf, ifThere, Refusal, sys } from './system-calls.ts'
import { writeAll } from './write-all.ts'

/** Bytes that are being received: a file with a random name. Throws the errors of the system calls. */
export class SpoolFile {
  readonly #path: string
  #fd: number | undefined
  #size = 0
  #gone = false
  /** It is discarded, or about to be. */
  #over = false
  // After a failed write or fsync the content of the file is unknown, so it is not retried.
  #dead = false
  /** The call that is running; closing waits for it, because a closed descriptor may already be another file's. */
  #busy: Promise<void> = Promise.resolve()

  private constructor(path: string, fd: number) {
    this.#path = path
    this.#fd = fd
  }

  static async create(directory: string, owner: Owner | null = null): Promise<SpoolFile> {
    const path = `${directory}/${randomUUID()}`
    const fd = await sys.create(path)
    if (owner) await giveTo(owner, fd, path)
    return new SpoolFile(path, fd)
  }

  /** The number of bytes that the kernel accepted. */
  get size(): number {
    return this.#size
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#next(async (fd) => {
      await writeAll(fd, chunks)
      this.#size += byteCount(chunks)
    })
  }

  /** The bytes from `start` to before `end`, which the kernel has accepted. */
  read(start: number, end: number): Promise<Uint8Array> {
    return this.#next(async (fd) => {
      const bytes = new Uint8Array(end - start)
      for (let have = 0; have < bytes.byteLength; ) {
        const rest = bytes.subarray(have)
        const came = await sys.read(fd, rest, rest.byteLength, start + have)
        if (came === 0) throw new Refusal('EIO', 'the spool is shorter than what was written to it')
        have += came
      }
      return bytes
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

  /**
   * Opens a descriptor on the finished file, which the caller closes. The bytes stay readable through it even if the
   * file is deleted.
   */
  openToRead(): Promise<number> {
    return sys.openToRead(this.#path)
  }

  /** Renames the finished file to its final name, in one step. */
  async moveTo(path: string): Promise<void> {
    await sys.rename(this.#path, path)
    this.#gone = true
  }

  /** Links the finished file to a name, unless another file has it. */
  async linkTo(path: string): Promise<void> {
    try {
      await sys.link(this.#path, path)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
  }

  async discard(): Promise<void> {
    this.#over = true // before the await: otherwise a write could begin meanwhile
    await this.#busy
    const fd = this.#fd // after it: the call may have closed it
    this.#fd = undefined
    if (fd !== undefined) await sys.close(fd).catch(() => {})
    if (this.#gone) return
    await ifThere(sys.unlink(this.#path), undefined)
    this.#gone = true
  }

  #next<T>(step: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#fd
    if (fd === undefined || this.#over)
      return Promise.reject(new Refusal('EBADF', 'the spool was discarded or put before'))
    if (this.#dead) return Promise.reject(new Refusal('EBADF', 'the spool failed before; write the bytes to a new one'))
    const busy = step(fd)
    this.#busy = busy.then(
      () => {},
      () => {
        this.#dead = true
      },
    )
    return busy
  }
}

/**
 * Deletes the spools in a directory that were not written to for `olderThan` milliseconds. A spool whose time is that
 * far in the future counts as written now.
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
    // Written under a clock that ran ahead, here or on another machine. If its process is alive, it writes again.
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
