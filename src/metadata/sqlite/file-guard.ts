import { statSync } from 'node:fs'
import { BlobStoreError } from '../../errors.ts'
import { fileLock, HeldLock, indexLock } from './held-lock.ts'

interface Inode {
  path: string
  dev: number
  ino: number
}

/**
 * Watches an SQLite file in WAL mode that this process has open. POSIX drops all locks of a process on a file as soon
 * as it closes any descriptor of that file, even one that other code opened: another copy of SQLite, or `fs.readFile`
 * (https://sqlite.org/howtocorrupt.html, section 2.2). Then the next process that opens and closes the database
 * believes that it is the last one and deletes the log, but this process continues to write to it: what it commits is
 * lost, and what it copies into the file later corrupts the file.
 *
 * Lost locks do not come back while the file is open. So if the locks are held after a commit, the commit is in the log
 * that all others see, and may be acknowledged. Where the system does not show locks (macOS), and to detect files that
 * were replaced under a running store, it compares the files on disk with those that were opened. That also detects the
 * loss, but perhaps too late for what was committed in the milliseconds before.
 */
export class FileGuard {
  readonly #files: readonly Inode[]
  readonly #locks: (readonly [path: string, byte: number, lock: HeldLock])[] = []
  #unsafe: BlobStoreError | null = null
  #replaced = false

  private constructor(file: string, files: readonly Inode[]) {
    this.#files = files
    for (const [path, byte] of [[file, fileLock] as const, [`${file}-shm`, indexLock] as const]) {
      const lock = HeldLock.find(path, byte)
      if (lock) this.#locks.push([path, byte, lock])
    }
  }

  /**
   * Null if this machine does not have the files: a database that is reached by SQL need not be here. `file` is
   * SQLite's name for it.
   */
  static of(file: string): FileGuard | null {
    const files = [file, `${file}-wal`].map(inodeOf)
    return files.every(isInode) ? new FileGuard(file, files) : null
  }

  /**
   * To be called before a commit: if it passes, the commit can corrupt nothing.
   *
   * @throws `MetadataUnsafe`, and at every later call too
   */
  check(): void {
    this.assertSafe()
    this.checkFiles()
    this.#checkLocks()
  }

  /**
   * Checks only the files.
   *
   * @throws `MetadataUnsafe`
   */
  checkFiles(): void {
    for (const { path, dev, ino } of this.#files) {
      const now = inodeOf(path)
      if (now === 'unknown' || (now?.dev === dev && now.ino === ino)) continue
      this.#replaced = true
      this.#fail(replaced)
    }
  }

  /**
   * To be called after a commit, before it is acknowledged.
   *
   * @throws `MetadataUnsafe`: the commit may take effect or not
   */
  checkCommitted(): void {
    // If the locks were held throughout, nothing can have removed the log.
    if (this.#locks.length > 0) this.#checkLocks()
    else this.check()
  }

  /** @throws `MetadataUnsafe` if the loss is already known */
  assertSafe(): void {
    if (this.#unsafe) throw this.#unsafe
  }

  /** @throws `MetadataUnsafe` if it is known that what is read here differs from the file */
  assertReadable(): void {
    if (this.#replaced) this.assertSafe()
  }

  close(): void {
    for (const [, , lock] of this.#locks.splice(0)) lock.close()
  }

  #checkLocks(): void {
    for (const entry of this.#locks) {
      const [path, byte, lock] = entry
      const state = lock.state()
      if (state === 'held') continue
      const again = state === 'closed' ? HeldLock.find(path, byte) : null
      if (again === null) this.#fail(unlocked)
      lock.close()
      this.#locks[this.#locks.indexOf(entry)] = [path, byte, again]
    }
  }

  #fail(message: string): never {
    this.#unsafe = new BlobStoreError('MetadataUnsafe', message)
    throw this.#unsafe
  }
}

const unlocked =
  'This process has lost its locks on the metadata’s SQLite file, so other processes may delete what it commits: nothing ' +
  'more is written. Something in this process opened that file beside the store: another copy of better-sqlite3, node:sqlite, ' +
  'or a read or copy of the file by fs. Remove that (to back up: blobs.backup), and start the process again. See "What ' +
  'must not open the file" in pds-blobstore/docs/metadata.md'

const replaced =
  'The metadata’s SQLite file, or its -wal, is no longer the one that this process has open: it was deleted or replaced, so ' +
  'that what this process commits would be lost. Nothing more is read or written. Start the process again. See "What must ' +
  'not open the file" in pds-blobstore/docs/metadata.md'

const isInode = (found: Inode | null | 'unknown'): found is Inode => found !== null && found !== 'unknown'

/** `unknown` if it may not be read. */
function inodeOf(path: string): Inode | null | 'unknown' {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    return stats ? { path, dev: stats.dev, ino: stats.ino } : null
  } catch {
    return 'unknown'
  }
}
