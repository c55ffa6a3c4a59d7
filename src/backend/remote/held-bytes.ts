import type { ResponseBody } from './response-body.ts'

/** What is read to memory at once, in bytes: its connection is free before the first byte is given to a reader. */
export const smallSize: number = 1024 * 1024

/** How many bytes of small objects wait in memory for their readers, at most. */
const most = 64 * 1024 * 1024

/**
 * Memory for small objects, whose readers may be slow, or many: what finds no room is read from its connection as large
 * ones are, so that readers who take nothing fill neither the memory nor the connections of others.
 */
export class MemoryBudget {
  #held = 0

  /** Room for so many bytes, or null. */
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

/** All of a response, as a body that holds no connection. */
export class HeldBytes implements AsyncIterableIterator<Uint8Array> {
  #chunks: Uint8Array[]
  readonly #room: Room
  readonly #signal: AbortSignal | undefined

  private constructor(chunks: Uint8Array[], room: Room, signal: AbortSignal | undefined) {
    this.#chunks = chunks
    this.#room = room
    this.#signal = signal
  }

  /** Reads all. The room is its own once it resolves. */
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
