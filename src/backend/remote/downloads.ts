import type { BackendObject, ByteRange, GetOptions } from '../backend.ts'
import { UnexpectedResponse } from './errors.ts'
import { HeldBytes, MemoryBudget, type Room } from './held-bytes.ts'
import { IdleTimeout } from './idle-timeout.ts'
import type { Requests } from './requests.ts'
import { ResponseBody } from './response-body.ts'
import type { RemoteService, StoredObject } from './service.ts'

export interface DownloadOptions extends GetOptions {
  /** Throws if the range is not within an object of that size. */
  check: (size: number) => void
  /** Turns an error of the body into the library's. */
  explain: (error: unknown) => unknown
}

/**
 * The readings of a backend. Those that are open hold connections, except for small objects, which may be read into
 * memory.
 */
export class Downloads {
  readonly #service: RemoteService
  readonly #requests: Requests
  readonly #open = new Set<ResponseBody>()
  readonly #memory = new MemoryBudget()

  constructor(service: RemoteService, requests: Requests) {
    this.#service = service
    this.#requests = requests
  }

  /** Null when there is no such object. Until the caller has the body, errors are those of the service. */
  async open(name: string, options: DownloadOptions): Promise<BackendObject | null> {
    const length = this.#service.keepable ? expectedLength(options.range, options.expectedSize) : undefined
    const room = length === undefined ? null : this.#memory.take(length)
    let object: BackendObject | null = null
    try {
      object = await this.#requests.retry(options.signal, () => this.#openOnce(name, options, room))
      return object
    } finally {
      if (!(object?.body instanceof HeldBytes)) room?.giveBack()
    }
  }

  /** All of a small object, or null. Errors are those of the service. */
  async readAll(name: string, signal: AbortSignal | undefined): Promise<Buffer | null> {
    return await this.#requests.retry(signal, async () => {
      const response = await this.#request(name, { signal, check: () => {} }, true)
      if (response === null) return null
      const chunks: Uint8Array[] = []
      for await (const chunk of this.#bodyOf(response, bare)) chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks)
    })
  }

  /** Ends with an error the readings that hold connections. */
  end(error: unknown): void {
    for (const body of this.#open) body.end({ error })
  }

  /** Reads the bytes into memory if there is room for them. */
  async #openOnce(name: string, options: DownloadOptions, room: Room | null): Promise<BackendObject | null> {
    const response = await this.#request(name, options, room !== null)
    if (response === null) return null
    const { size, length } = response
    if (room === null || length > room.bytes) return { size, body: this.#bodyOf(response, options.explain) }
    return { size, body: await HeldBytes.of(this.#bodyOf(response, bare), room, options.signal) }
  }

  async #request(
    name: string,
    { range, signal, check }: Omit<DownloadOptions, 'explain'>,
    atOnce: boolean,
  ): Promise<Response | null> {
    const idle = new IdleTimeout(this.#requests.timeouts, signal)
    let object: StoredObject | null = null
    try {
      object = await this.#service.get(name, { range, atOnce, signal: idle.signal })
      idle.signal.throwIfAborted()
      if (object === null) {
        idle[Symbol.dispose]()
        return null
      }
      const { size, body } = object
      if (!Number.isSafeInteger(size) || size < 0) {
        throw new UnexpectedResponse('the service does not say how many bytes it sends')
      }
      check(size)
      return { size, length: range === undefined ? size : range.end - range.start + 1, body, idle }
    } catch (error) {
      const reason = idle.fail(error)
      idle[Symbol.dispose]()
      // A client that obeys the signal has released the body; another may still hold a socket or a file.
      void object?.body[Symbol.asyncIterator]()
        .return?.()
        ?.catch(() => {})
      throw reason
    }
  }

  #bodyOf({ body, length, idle }: Response, explain: (error: unknown) => unknown): ResponseBody {
    return new ResponseBody({ body, length, idle, explain, open: this.#open })
  }
}

/** A response whose body, of `length` bytes, was not read yet. */
interface Response extends StoredObject {
  length: number
  idle: IdleTimeout
}

const bare = (error: unknown): unknown => error

/** How many bytes will come if the object has the expected size. */
function expectedLength(range: ByteRange | undefined, size: number | undefined): number | undefined {
  if (range === undefined) return size
  const end = size === undefined ? range.end : Math.min(range.end, size - 1)
  return Math.max(0, end - range.start + 1)
}
