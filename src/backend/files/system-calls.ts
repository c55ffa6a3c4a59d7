import fs, { type Dirent, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { isError } from '../../shapes.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = fs.constants
// Windows lacks these.
const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 }: Partial<typeof fs.constants> = fs.constants

// Not blocking: opening a named pipe that an attacker planted would otherwise block a thread for ever.
const reading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
const creating = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW

const open = promisify(fs.open)
const read = promisify(fs.read)
const writev = promisify(fs.writev)
const lutimes = promisify(fs.lutimes)
const mkdir = promisify(fs.mkdir)
const readdir = promisify(fs.readdir)
const statfs = promisify(fs.statfs) as (path: string) => Promise<fs.StatsFs>

/**
 * Every call that the disk backend makes, in one object, so that tests can make one fail. They are the calls on bare
 * descriptors: half the CPU of `FileHandle`'s. Some are made at once, on the event loop, since a trip to a thread and back
 * costs several times as much as the call: to make a file, to name it, to close what was written or is small, and to open a
 * directory that was just written to. They work on directories that are in use, and so in memory. Whatever may wait for the
 * device goes to a thread: to write, which the kernel holds up when it has much to write back, to sync, and to delete. To
 * find a file and to read it goes there too, unless the caller knows better: see disk/loop-time.ts.
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
    // Some file systems (btrfs) have no fixed number of inodes, and say that there are none.
    return { bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree }
  },
}

export interface SystemCalls {
  openToRead(path: string, atOnce?: boolean): Promise<number>
  openDirectory(path: string): Promise<number>
  /** Fails when there is anything of that name. */
  create(path: string): Promise<number>
  read(fd: number, into: Uint8Array, length: number, position: number, atOnce?: boolean): Promise<number>
  /** Appends, maybe not everything. */
  writev(fd: number, chunks: Uint8Array[]): Promise<number>
  fsync(fd: number): Promise<void>
  fstat(fd: number): Promise<Stats>
  close(fd: number): Promise<void>
  /** Of a file that may have been deleted meanwhile: with the last descriptor its blocks go, which may take long. */
  closeRead(fd: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A second name for a file, which must not be taken. */
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** As if something were written to it now. */
  touch(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  /** Without symbolic links. */
  realpath(path: string): Promise<string>
  lstat(path: string): Promise<Stats>
  readdir(path: string): Promise<string[]>
  readdirTypes(path: string): Promise<Dirent[]>
  /** What a process without privileges may still take. */
  freeSpace(path: string): Promise<{ bytes: number; inodes: number }>
}

/** The code of an error that came from a system call, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  if (!isError(error) || !('syscall' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What a call resolves with, or `otherwise` where there is no such file. */
export async function ifThere<T, U>(call: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await call
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return otherwise
    throw error
  }
}

/** What this library refuses by itself, with the code that a system call would give. */
export class Refusal extends Error {
  readonly code: string
  readonly syscall = 'check'

  /** `message` says what is wrong, and what to do. */
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
