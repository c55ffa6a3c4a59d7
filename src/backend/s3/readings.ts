import type { AnswerReading } from '../answer-reading.ts'
import type { BackendObject, ByteRange, GetOptions } from '../backend.ts'
import { getObject } from './objects.ts'
import { readingOf } from './reading.ts'
import { repeatedly } from './retry.ts'
import type { Service } from './service.ts'
import { inMemory, type Room, SmallReadings } from './small.ts'

export interface OpenOptions extends GetOptions {
  /** Throws where the range does not lie within an object of that size. */
  check: (size: number) => void
  /** Turns an error of the body into the library's. */
  explain: (error: unknown) => unknown
}

/** The readings of a backend that are under way: small ones from memory, large ones from their connections. */
export class Readings {
  readonly #service: Service
  readonly #open = new Set<AnswerReading>()
  readonly #small = new SmallReadings()

  constructor(service: Service) {
    this.#service = service
  }

  /** Null when there is no such object. Errors are bare until the body is the caller's. */
  async open(name: string, options: OpenOptions): Promise<BackendObject | null> {
    const length = expectedLength(options.range, options.expectedSize)
    const room = length === undefined ? null : this.#small.take(length)
    let kept = false
    try {
      const object = await repeatedly(() => this.#openOnce(name, options, room), options.signal)
      kept = object?.isHeld === true
      return object && { size: object.size, body: object.body }
    } finally {
      if (!kept) room?.giveBack()
    }
  }

  /** Ends those that hold connections by an error. */
  end(error: unknown): void {
    for (const reading of this.#open) reading.end({ error })
  }

  /** Where there is room for them, the bytes are read to memory. */
  async #openOnce(
    name: string,
    { range, check, explain, signal }: OpenOptions,
    room: Room | null,
  ): Promise<(BackendObject & { isHeld: boolean }) | null> {
    const [service, readings] = [this.#service, this.#open]
    const object = await getObject(service, name, range, signal, room ? 'small' : 'large')
    if (object === null) return null
    const { size, length } = object
    try {
      check(size)
      signal?.throwIfAborted()
    } catch (error) {
      object.body.destroy()
      throw error
    }
    if (room !== null && length <= room.bytes) {
      const reading = readingOf(object, service, { signal, explain: (error) => error, readings })
      return { size, body: await inMemory(reading, room, signal), isHeld: true }
    }
    return { size, body: readingOf(object, service, { signal, explain, readings }), isHeld: false }
  }
}

/** How many bytes will come, if the object has the size that is expected. */
function expectedLength(range: ByteRange | undefined, size: number | undefined): number | undefined {
  if (range === undefined) return size
  const end = size === undefined ? range.end : Math.min(range.end, size - 1)
  return Math.max(0, end - range.start + 1)
}
