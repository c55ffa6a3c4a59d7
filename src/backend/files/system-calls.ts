import fs, { type Dirent, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { isError } from '../../shapes.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants
// Windows does not have these flags.
const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 }: Partial<typeof fs.constants> = fs.constants

// Non-blocking: otherwise opening a named pipe that an attacker planted would block a thread for ever.
const reading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
const creating = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW

const open = promisify(fs.open)
const read = promisify(fs.read)
const writev = promisify(fs.writev)
const lutimes = promisify(fs.lutimes)
const mkdir = promisify(fs.mkdir)
const readdir = promisify(fs.readdir)
const statfs = promisify(fs.statfs) as (path: string) => Promise<fs.StatsFs>

/**
 * Every system call of the disk backend, in one object, so that tests can make one fail. They work on bare descriptors,
 * which take half the CPU of `FileHandle`. Some run on the event loop itself, because a thread would cost several times
 * as much: creating and naming a file, closing one that was written or is small, opening a directory that was just
 * written to. They touch directories that are in use, and so in memory. Calls that may wait for the device go to a
 * thread: writing, which the kernel delays when it has much to write back, syncing and deleting. Finding and reading a
 * file also go to a thread, unless the caller knows better: see disk/event-loop-budget.ts.
 */
export const sys: SystemCalls = {
  openToRead: async (path, atOnce) => (atOnce ? fs.openSync(path, reading) : open(path, reading)),
  openDirectory: async (path) => fs.openSync(path, reading | O_DIRECTORY),
  create: async (path) => fs.openSync(path, creating, 0o600),
  read: async (fd, into, length, position, atOnce) =>
    atOnce ? fs.readSync(fd, into, 0, length, position) : (await read(fd, into, 0, length, position)).bytesRead,
  writev: async (fd, chunks) => (await writev(fd, chunks)).bytesWritten,
  fsync: promisify(fs.fsync),
  fstat: promisify(fs.fstat) as (fd: number) => Promise<Stats>,
  close: async (fd) => fs.closeSync(fd),
  closeRead: promisify(fs.close),
  chown: async (fd, { uid, gid }) => fs.fchownSync(fd, uid, gid),
  rename: async (from, to) => fs.renameSync(from, to),
  link: promisify(fs.link),
  unlink: promisify(fs.unlink),
  touch: (path) => lutimes(path, new Date(), new Date()),
  mkdir: async (path) => void (await mkdir(path, 0o700)),
  realpath: promisify(fs.realpath.native) as (path: string) => Promise<string>,
  lstat: promisify(fs.lstat) as (path: string) => Promise<Stats>,
  readdir: (path) => readdir(path),
  readdirTypes: (path) => readdir(path, { withFileTypes: true }),
  freeSpace: async (path) => {
    const { bavail, bsize, ffree, files } = await statfs(path)
    // Some file systems (btrfs) have no fixed number of inodes, and report 0.
    return { bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree }
  },
}

export interface SystemCalls {
  openToRead(path: string, atOnce?: boolean): Promise<number>
  openDirectory(path: string): Promise<number>
  /** Fails if the name exists. */
  create(path: string): Promise<number>
  read(fd: number, into: Uint8Array, length: number, position: number, atOnce?: boolean): Promise<number>
  /** Appends, possibly only a part. */
  writev(fd: number, chunks: Uint8Array[]): Promise<number>
  fsync(fd: number): Promise<void>
  fstat(fd: number): Promise<Stats>
  close(fd: number): Promise<void>
  /**
   * For a file that may have been deleted meanwhile: closing the last descriptor frees its blocks, which may take long.
   */
  closeRead(fd: number): Promise<void>
  chown(fd: number, owner: { uid: number; gid: number }): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Adds a second name to a file. Fails if the name exists. */
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Sets the modification time to now. */
  touch(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  /** Resolves symbolic links. */
  realpath(path: string): Promise<string>
  lstat(path: string): Promise<Stats>
  readdir(path: string): Promise<string[]>
  readdirTypes(path: string): Promise<Dirent[]>
  /** What a process without privileges may still use. */
  freeSpace(path: string): Promise<{ bytes: number; inodes: number }>
}

/** The code of a system call's error, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  if (!isError(error) || !('syscall' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The result of a call, or `otherwise` if there is no such file. */
export async function ifThere<T, U>(call: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await call
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return otherwise
    throw error
  }
}

/** A refusal by this library, with the code that a system call would give. */
export class Refusal extends Error {
  readonly code: string
  readonly syscall = 'check'

  /** `message` says what is wrong, and what to do. */
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
