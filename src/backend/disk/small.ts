import { sys } from '../files/system-calls.ts'

/** In bytes. Larger ones are read piece by piece, as their reader asks. */
const most = 256 * 1024

/**
 * The whole file in one read, where it is small and has the size that it should have; else null. One byte more is asked
 * for, which a file of that size does not have: so nobody needs to look first.
 */
export async function readSmall(fd: number, expectedSize: number | undefined): Promise<Uint8Array | null> {
  if (expectedSize === undefined || expectedSize === 0 || expectedSize > most) return null
  const buffer = Buffer.allocUnsafeSlow(expectedSize + 1)
  const read = await sys.read(fd, buffer, buffer.byteLength, 0)
  return read === expectedSize ? new Uint8Array(buffer.buffer, 0, expectedSize) : null
}

/** Bytes that are in memory already: one chunk, and no file to hold. */
export class WholeBody implements AsyncIterableIterator<Uint8Array> {
  #bytes: Uint8Array | undefined
  readonly #signal: AbortSignal | undefined

  constructor(bytes: Uint8Array, signal: AbortSignal | undefined) {
    this.#bytes = bytes
    this.#signal = signal
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#bytes !== undefined) this.#signal?.throwIfAborted()
    const value = this.#bytes
    this.#bytes = undefined
    return value === undefined ? { done: true, value: undefined } : { done: false, value }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#bytes = undefined
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
