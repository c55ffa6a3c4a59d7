import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'

/** The first byte of those that SQLite locks in a database for as long as it has it open in WAL mode. */
export const fileLock = 0x4000_0002
/** The byte that it locks in the `-shm` for as long as it has that open. */
export const indexLock = 128

export type LockState = 'held' | 'lost' | 'closed'

/** The kernel gives no more at once, and there is no more. */
const pageSize = 4096

const locked = /^lock:.* POSIX .* (?<inode>\S+:\S+:\d+) (?<start>\d+) (?<end>\d+|EOF)$/gm

/**
 * A lock that SQLite holds in this process, as the kernel shows it in `/proc/self/fdinfo`: the file of that name is kept
 * open, since to read it again takes 3 µs, and to open it each time 10. Linux only.
 */
export class HeldLock {
  readonly #descriptor: number
  readonly #info: number
  readonly #path: string
  readonly #byte: number
  readonly #inode: string
  readonly #buffer: Buffer = Buffer.allocUnsafe(pageSize)
  /** What was read when the lock was last seen in it: mostly that is so the next time too. */
  #seen: Buffer = Buffer.alloc(0)

  private constructor(descriptor: number, path: string, byte: number, inode: string) {
    this.#descriptor = descriptor
    this.#path = path
    this.#byte = byte
    this.#inode = inode
    this.#info = openSync(infoOf(descriptor), 'r')
  }

  /** The lock on that byte of the file, or null where this process has none or the system does not show it. */
  static find(path: string, byte: number): HeldLock | null {
    for (const descriptor of descriptors()) {
      if (!isOf(descriptor, path)) continue
      try {
        const info = openSync(infoOf(descriptor), 'r')
        try {
          const inode = inodeLocked(read(info, Buffer.allocUnsafe(pageSize)), byte)
          if (inode !== undefined) return new HeldLock(descriptor, path, byte, inode)
        } finally {
          closeSync(info)
        }
      } catch {} // closed meanwhile, by another thread
    }
    return null
  }

  /** `closed`: the one who had it has closed the file, and another may have it. */
  state(): LockState {
    try {
      const info = read(this.#info, this.#buffer)
      if (info.equals(this.#seen)) return 'held'
      if (inodeLocked(info, this.#byte) === this.#inode) {
        this.#seen = Buffer.from(info)
        return 'held'
      }
    } catch {
      return 'closed'
    }
    return isOf(this.#descriptor, this.#path) ? 'lost' : 'closed'
  }

  close(): void {
    closeSync(this.#info)
  }
}

const infoOf = (descriptor: number): string => `/proc/self/fdinfo/${descriptor}`

function descriptors(): number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number)
  } catch {
    return []
  }
}

/** Asks without opening the file: to close it again would drop the lock. */
function isOf(descriptor: number, path: string): boolean {
  try {
    const [open, there] = [fstatSync(descriptor), statSync(path)]
    return open.ino === there.ino && open.dev === there.dev
  } catch {
    return false
  }
}

function read(info: number, into: Buffer): Buffer {
  return into.subarray(0, readSync(info, into, 0, into.length, 0))
}

/** The inode, as the kernel writes it, in which that byte is locked. */
function inodeLocked(info: Buffer, byte: number): string | undefined {
  for (const { groups } of info.toString('latin1').matchAll(locked)) {
    const [start, end] = [Number(groups?.start), groups?.end === 'EOF' ? Infinity : Number(groups?.end)]
    if (start <= byte && byte <= end) return groups?.inode
  }
  return undefined
}
