import type { BackendFile, ByteRange } from '../../backend/backend.ts'
import { readWhole } from '../../backend/read-whole.ts'
import type { BlobCid } from '../../blob/cid.ts'
import { BlobStoreError } from '../../errors.ts'
import type { BlobStat, BlobTakedown } from '../../metadata/types.ts'
import type { BlobReading } from '../calls.ts'

/**
 * An open blob. Releases its file or socket when it was read or cancelled, and when no reading begins, or the reader of
 * `body` is silent, for `idle` milliseconds. A reader of `chunks` must watch its own client, which it can do better: it
 * sees the bytes of a chunk go out.
 */
export class Reading implements BlobReading {
  readonly cid: BlobCid
  readonly mimeType: string
  readonly size: number
  readonly createdAt: Date
  readonly referenced: boolean
  readonly takenDown: boolean
  declare readonly takedown?: BlobTakedown
  declare readonly range?: ByteRange
  declare readonly file?: BackendFile
  readonly chunks: GuardedChunks
  #body: ReadableStream<Uint8Array> | undefined

  constructor(
    stat: BlobStat,
    range: ByteRange | undefined,
    { body, file }: { body: AsyncIterableIterator<Uint8Array>; file?: BackendFile | undefined },
    idle: number,
  ) {
    this.cid = stat.cid
    this.mimeType = stat.mimeType
    this.size = stat.size
    this.createdAt = stat.createdAt
    this.referenced = stat.referenced
    this.takenDown = stat.takenDown
    if (stat.takedown) this.takedown = stat.takedown
    if (range) this.range = range
    if (file) this.file = file
    this.chunks = new GuardedChunks(body, idle)
  }

  get body(): ReadableStream<Uint8Array> {
    const { chunks } = this
    this.#body ??= new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { value, done } = await chunks.next()
          if (done) return controller.close()
          try {
            controller.enqueue(new Uint8Array(value)) // a chunk is valid only until the next is requested
            chunks.watch()
          } catch (error) {
            await chunks.return().catch(() => {}) // there is no memory for the copy
            throw error
          }
        },
        async cancel() {
          await chunks.return()
        },
      },
      { highWaterMark: 0 },
    )
    return this.#body
  }

  async bytes(): Promise<Uint8Array> {
    const { range, size, chunks } = this
    return await readWhole(chunks, range ? range.end - range.start + 1 : size)
  }
}

class GuardedChunks implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterableIterator<Uint8Array>
  readonly #idle: number
  #timer: NodeJS.Timeout | undefined
  #forsaken = false

  constructor(source: AsyncIterableIterator<Uint8Array>, idle: number) {
    this.#source = source
    this.#idle = idle
    this.watch()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Closes the source unless the next chunk is requested in time. */
  watch(): void {
    this.#timer = setTimeout(() => {
      this.#forsaken = true
      this.#source.return?.().catch(() => {})
    }, this.#idle).unref()
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    clearTimeout(this.#timer)
    if (!this.#forsaken) return this.#source.next()
    throw new BlobStoreError('ReadTimeout', 'The blob was not read for too long and was closed; read it again', {
      transient: true,
    })
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    clearTimeout(this.#timer)
    await this.#source.return?.()
    return { value: undefined, done: true }
  }
}
