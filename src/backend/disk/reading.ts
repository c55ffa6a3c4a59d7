import { Refusal, sys } from '../files/system-calls.ts'
import { discard, release, takeBuffer } from './buffer-pool.ts'

export interface ReadingOptions {
  fd: number
  /** The first byte, and the one after the last. */
  start: number
  end: number
  signal: AbortSignal | undefined
  /** Turns an error of a system call into the library's. */
  explain: (error: unknown) => unknown
  /** Contains this reading while it holds the descriptor. */
  readings: Set<DiskReading>
}

/**
 * The bytes of an open file. It is a class because `return()` of a generator that was never started runs none of its
 * code, and the descriptor would stay open.
 */
export class DiskReading implements AsyncIterableIterator<Uint8Array> {
  readonly #options: ReadingOptions
  #fd: number | undefined
  #position: number
  #buffer: Uint8Array | undefined
  #failure: { error: unknown } | undefined
  /** The step that is running. Each step waits for the one before, so a descriptor is never closed during a read. */
  #last: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined
  readonly #onAbort = (): void => void this.end({ error: this.#options.signal?.reason })

  constructor(options: ReadingOptions) {
    this.#options = options
    this.#fd = options.fd
    this.#position = options.start
    options.readings.add(this)
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#then(() => this.#read())
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Closes the file, after the read that is running. If `failure` is given, the next `next` rejects with it. */
  end(failure?: { error: unknown }): Promise<void> {
    if (failure !== undefined) this.#failure ??= failure
    return this.#then(() => this.#giveUp())
  }

  async #read(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { end, explain } = this.#options
    try {
      this.#throwIfEnded()
      const fd = this.#fd
      if (fd === undefined || this.#position === end) return await this.#finish()
      this.#buffer ??= takeBuffer(end - this.#position)
      const buffer = this.#buffer
      const bytes = await sys.read(fd, buffer, Math.min(buffer.byteLength, end - this.#position), this.#position)
      this.#throwIfEnded()
      if (bytes === 0) throw new Refusal('EOF', 'its file became shorter while it was read; upload the bytes again')
      this.#position += bytes
      // Closes without waiting for the next call: a reader that knows the length never makes it.
      if (this.#position === end) void this.#close()
      return { done: false, value: buffer.subarray(0, bytes) }
    } catch (error) {
      await this.#giveUp()
      this.#failure = undefined
      throw explain(error)
    }
  }

  /** The regular end. Only here is the last chunk certainly out of use, so its buffer may be reused. */
  async #finish(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#close()
    if (this.#buffer) release(this.#buffer)
    this.#buffer = undefined
    return { done: true, value: undefined }
  }

  #giveUp(): Promise<void> | undefined {
    if (this.#buffer) discard(this.#buffer)
    this.#buffer = undefined
    return this.#close()
  }

  #close(): Promise<void> | undefined {
    const fd = this.#fd
    if (fd === undefined) return this.#closed
    this.#fd = undefined
    this.#options.readings.delete(this)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#closed = sys.closeRead(fd).catch(() => {})
    return this.#closed
  }

  #throwIfEnded(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #then<T>(step: () => Promise<T> | T): Promise<T> {
    const result = this.#last.then(step)
    this.#last = result.catch(() => {})
    return result
  }
}
