import { sys } from '../files/system-calls.ts'
import { chunkSize, discard, release, takeBuffer } from './buffer-pool.ts'
import type { EventLoopBudget } from './event-loop-budget.ts'

/** Whether a blob of this size fits into one chunk. */
export function isSmall(size: number): boolean {
  return size > 0 && size < chunkSize
}

/**
 * Reads the whole file at once if it has the expected size; otherwise returns null. It requests one byte more than
 * that, which replaces a call of `stat`.
 */
export async function readSmall(
  fd: number,
  expectedSize: number,
  budget: EventLoopBudget,
  signal: AbortSignal | undefined,
): Promise<WholeBody | null> {
  const buffer = takeBuffer(expectedSize + 1)
  const reading = budget.run((atOnce) => sys.read(fd, buffer, expectedSize + 1, 0, atOnce))
  const read = await reading.catch((error: unknown) => {
    release(buffer)
    throw error
  })
  if (read === expectedSize) return new WholeBody(buffer, read, signal)
  release(buffer)
  return null
}

/** Bytes that are already in memory: one chunk, and no file to hold. */
export class WholeBody implements AsyncIterableIterator<Uint8Array> {
  readonly size: number
  readonly #signal: AbortSignal | undefined
  #buffer: Uint8Array | undefined
  #given = false

  constructor(buffer: Uint8Array, size: number, signal: AbortSignal | undefined) {
    this.#buffer = buffer
    this.size = size
    this.#signal = signal
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const buffer = this.#buffer
    if (buffer === undefined) return { done: true, value: undefined }
    if (this.#given) return this.#finish(buffer)
    if (this.#signal?.aborted) {
      await this.return()
      throw this.#signal.reason
    }
    this.#given = true
    return { done: false, value: buffer.subarray(0, this.size) }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#buffer) discard(this.#buffer)
    this.#buffer = undefined
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /**
   * The regular end. Only here is the chunk certainly out of use: a reader that stops early may still be sending it.
   */
  #finish(buffer: Uint8Array): IteratorResult<Uint8Array, undefined> {
    this.#buffer = undefined
    release(buffer)
    return { done: true, value: undefined }
  }
}
