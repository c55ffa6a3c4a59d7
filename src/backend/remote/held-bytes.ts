import type { ResponseBody } from './response-body.ts'

/**
 * Objects up to this size, in bytes, are read into memory at once: the connection is free before a reader gets the
 * first byte.
 */
export const smallSize: number = 1024 * 1024

/** The most bytes of small objects that wait in memory for their readers. */
const most = 64 * 1024 * 1024

/**
 * A memory limit for small objects whose readers may be slow or many. An object that finds no room is read from its
 * connection, as large ones are. So slow readers fill neither the memory nor the connections of others.
 */
export class MemoryBudget {
  #held = 0

  /** Reserves so many bytes, or returns null. */
  take(bytes: number): Room | null {
    if (bytes > smallSize || this.#held + bytes > most) return null
    this.#held += bytes
    let given = false
    return {
      bytes,
      giveBack: () => {
        if (!given) this.#held -= bytes
        given = true
      },
    }
  }
}

export interface Room {
  readonly bytes: number
  giveBack(): void
}

/** A whole response in memory, as a body that holds no connection. */
export class HeldBytes implements AsyncIterableIterator<Uint8Array> {
  #chunks: Uint8Array[]
  readonly #room: Room
  readonly #signal: AbortSignal | undefined

  private constructor(chunks: Uint8Array[], room: Room, signal: AbortSignal | undefined) {
    this.#chunks = chunks
    this.#room = room
    this.#signal = signal
  }

  /** Reads all bytes. Once it resolves, it owns the room. */
  static async of(body: ResponseBody, room: Room, signal: AbortSignal | undefined): Promise<HeldBytes> {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return new HeldBytes(chunks, room, signal)
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#signal?.aborted && this.#chunks.length > 0) {
      await this.return()
      throw this.#signal.reason
    }
    const value = this.#chunks.shift()
    if (value !== undefined) return { done: false, value }
    return this.return()
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#chunks = []
    this.#room.giveBack()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
