import type { Readable } from 'node:stream'
import { TimedOut } from '../patience.ts'
import type { OpenObject } from './objects.ts'
import { OddAnswer } from './s3-error.ts'
import type { Service } from './service.ts'

class TooFewBytes extends Error {
  override readonly name = 'TooFewBytes'
}

export interface S3ReadingOptions {
  stream: Readable
  /** How many bytes must come. */
  length: number
  /** How long to wait for the next of them, in milliseconds. */
  socketTimeout: number
  signal: AbortSignal | undefined
  /** Turns an error of the stream into the library's. */
  explain: (error: unknown) => unknown
  /** Where it enters itself for as long as it holds the socket. */
  readings: Set<S3Reading>
}

/**
 * The bytes of an answer. A class, since `return()` of a generator waits for the `next()` under way: on a connection
 * that stands still it would wait for ever, and the socket be held.
 */
export class S3Reading implements AsyncIterableIterator<Uint8Array> {
  readonly #options: S3ReadingOptions
  readonly #chunks: AsyncIterator<Uint8Array>
  #left: number
  #over = false
  #failure: { error: unknown } | undefined
  readonly #onAbort = (): void => void this.end({ error: this.#options.signal?.reason })

  constructor(options: S3ReadingOptions) {
    this.#options = options
    this.#left = options.length
    this.#chunks = options.stream[Symbol.asyncIterator]()
    options.stream.on('error', () => {}) // heard by `next`, if anybody asks
    options.readings.add(this)
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (this.#left === 0) this.#finish()
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (true) {
      this.#throwFailure()
      if (this.#over) return { done: true, value: undefined }
      const chunk = await this.#wait()
      this.#throwFailure()
      if (this.#over || chunk === undefined) return { done: true, value: undefined }
      if (chunk.byteLength === 0) continue
      this.#left -= chunk.byteLength
      if (this.#left < 0) throw this.#fail(new OddAnswer('the service sends more bytes than it announced'))
      // Without waiting for the next call: who knows the length never makes it.
      if (this.#left === 0) this.#finish()
      return { done: false, value: chunk }
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Lets go of the socket at once. With a failure, the next `next` rejects with it. */
  end(failure?: { error: unknown }): void {
    if (this.#over) return
    this.#failure ??= failure
    this.#forget()
    this.#options.stream.destroy()
  }

  /** The next bytes; undefined when it was ended meanwhile. */
  async #wait(): Promise<Uint8Array | undefined> {
    const { socketTimeout } = this.#options
    const timer = setTimeout(() => {
      this.#fail(new TimedOut(`No byte came for ${socketTimeout} ms`))
    }, socketTimeout)
    try {
      const { done, value } = await this.#chunks.next()
      if (done !== true) return value
      if (this.#over) return undefined
      throw new TooFewBytes(`The answer ended ${this.#left} bytes too early`)
    } catch (error) {
      if (!this.#over) this.#fail(error)
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  #fail(error: unknown): unknown {
    const explained = this.#options.explain(error)
    this.end({ error: explained })
    return explained
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
  }

  /** The regular end: reading it lets the connection serve the next request. */
  #finish(): void {
    this.#forget()
    this.#chunks.next().catch(() => {})
  }

  #forget(): void {
    this.#over = true
    this.#options.readings.delete(this)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** All the bytes of an answer, as a small object has them; within the time that each next one has. Errors are bare. */
export async function readAll(
  { body: stream, length }: OpenObject,
  { limits: { socketTimeout } }: Service,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const explain = (error: unknown): unknown => error
  const chunks: Uint8Array[] = []
  for await (const chunk of new S3Reading({ stream, length, socketTimeout, signal, explain, readings: new Set() })) {
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
