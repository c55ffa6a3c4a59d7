import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'

/** The first of the bytes that SQLite locks in a database as long as it has it open in WAL mode. */
export const fileLock = 0x4000_0002
/** The byte that it locks in the `-shm` as long as it has that open. */
export const indexLock = 128

export type LockState = 'held' | 'lost' | 'closed'

/** The kernel returns at most this much at once, and there is never more. */
const pageSize = 4096

const locked = /^lock:.* POSIX .* (?<inode>\S+:\S+:\d+) (?<start>\d+) (?<end>\d+|EOF)$/gm

/**
 * A lock that SQLite holds in this process, as the kernel shows it in `/proc/self/fdinfo`. The file of that name is
 * kept open, because reading it again takes 3 µs, and opening it each time 10. Linux only.
 */
export class HeldLock {
  readonly #descriptor: number
  readonly #info: number
  readonly #path: string
  readonly #byte: number
  readonly #inode: string
  readonly #buffer: Buffer = Buffer.allocUnsafe(pageSize)
  /** The content when the lock was last found in it: mostly it is unchanged the next time. */
  #seen: Buffer = Buffer.alloc(0)

  private constructor(descriptor: number, path: string, byte: number, inode: string) {
    this.#descriptor = descriptor
    this.#path = path
    this.#byte = byte
    this.#inode = inode
    this.#info = openSync(infoOf(descriptor), 'r')
  }

  /** The lock on that byte of the file, or null if this process has none or the system does not show it. */
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

  /** `closed`: the descriptor was closed, and another file may have its number. */
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

/** Compares without opening the file: closing it again would drop the lock. */
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

/** The inode in which that byte is locked, in the kernel's notation. */
function inodeLocked(info: Buffer, byte: number): string | undefined {
  for (const { groups } of info.toString('latin1').matchAll(locked)) {
    const [start, end] = [Number(groups?.start), groups?.end === 'EOF' ? Infinity : Number(groups?.end)]
    if (start <= byte && byte <= end) return groups?.inode
  }
  return undefined
}
