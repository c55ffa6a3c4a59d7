import { Refusal, sys } from './system-calls.ts'

/** How long a measurement of free space is used, in milliseconds. Writes in between are subtracted. */
const believed = 1000

/** What must stay free. */
export interface Floor {
  bytes: number
  inodes: number
}

/**
 * Keeps the device from filling up completely: the database beside the blobs, the deletions that free space, and the
 * operator all need some.
 */
export class FreeSpace {
  readonly #path: string
  readonly #floor: Floor
  #free: Promise<Floor> | undefined
  #lookedAt = 0
  #taken = { bytes: 0, inodes: 0 }

  constructor(path: string, floor: Floor) {
    this.#path = path
    this.#floor = floor
  }

  /** Reserves what is about to be written, and refuses where less than the floor would stay free. */
  async take(bytes: number, inodes: number): Promise<void> {
    const { bytes: minBytes, inodes: minInodes } = this.#floor
    if (minBytes === 0 && minInodes === 0) return
    const now = performance.now()
    if (this.#free === undefined || now - this.#lookedAt > believed) {
      this.#lookedAt = now
      this.#taken = { bytes: 0, inodes: 0 }
      this.#free = sys.freeSpace(this.#path)
      this.#free.catch(() => {
        this.#free = undefined
      })
    }
    const free = await this.#free
    this.#taken.bytes += bytes
    this.#taken.inodes += inodes
    const tooFewBytes = free.bytes - this.#taken.bytes < minBytes
    const tooFewInodes = free.inodes - this.#taken.inodes < minInodes
    if (!tooFewBytes && !tooFewInodes) return
    this.#taken.bytes -= bytes
    this.#taken.inodes -= inodes
    const what = tooFewBytes ? `${minBytes} bytes` : `${minInodes} inodes`
    throw new Refusal('ENOSPC', `less than ${what} would stay free (option minFree); free some, or use a larger device`)
  }
}
