import type { ByteRange } from '../backend/backend.ts'
import type { BlobCid } from '../blob/cid.ts'
import { BlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/facts.ts'
import type { BlobReading } from './blob-store.ts'

/** An open blob. Lets go of its file or socket when it was read, cancelled, or left alone for `idle` milliseconds. */
export class Reading implements BlobReading {
  readonly cid: BlobCid
  readonly mimeType: string
  readonly size: number
  readonly createdAt: Date
  readonly referenced: boolean
  readonly takenDown: boolean
  declare readonly range?: ByteRange
  readonly chunks: AsyncIterableIterator<Uint8Array>
  #body: ReadableStream<Uint8Array> | undefined

  constructor(stat: BlobStat, range: ByteRange | undefined, source: AsyncIterableIterator<Uint8Array>, idle: number) {
    this.cid = stat.cid
    this.mimeType = stat.mimeType
    this.size = stat.size
    this.createdAt = stat.createdAt
    this.referenced = stat.referenced
    this.takenDown = stat.takenDown
    if (range) this.range = range
    this.chunks = new GuardedChunks(source, idle)
  }

  get body(): ReadableStream<Uint8Array> {
    const { chunks } = this
    this.#body ??= new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { value, done } = await chunks.next()
          if (done) controller.close()
          else controller.enqueue(value.slice()) // it is valid only until the next is asked for
        },
        async cancel() {
          await chunks.return?.()
        },
      },
      { highWaterMark: 0 },
    )
    return this.#body
  }

  async bytes(): Promise<Uint8Array> {
    const all = Buffer.allocUnsafeSlow(this.range ? this.range.end - this.range.start + 1 : this.size)
    let at = 0
    for await (const chunk of this.chunks) {
      all.set(chunk, at)
      at += chunk.byteLength
    }
    return all
  }
}

class GuardedChunks implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterableIterator<Uint8Array>
  readonly #timer: NodeJS.Timeout
  #forsaken = false

  constructor(source: AsyncIterableIterator<Uint8Array>, idle: number) {
    this.#source = source
    this.#timer = setTimeout(() => {
      this.#forsaken = true
      source.return?.().catch(() => {})
    }, idle)
    this.#timer.unref()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#forsaken) {
      throw new BlobStoreError('StorageFailed', 'The blob was not read for too long and was closed; read it again', {
        transient: true,
      })
    }
    this.#timer.refresh()
    try {
      const next = await this.#source.next()
      if (next.done) clearTimeout(this.#timer)
      return next
    } catch (error) {
      clearTimeout(this.#timer)
      throw error
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    clearTimeout(this.#timer)
    await this.#source.return?.()
    return { value: undefined, done: true }
  }
}
