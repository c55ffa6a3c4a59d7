import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Spool } from '../../backend/backend.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import { isUint8Array } from '../../shapes.ts'
import type { Interruption } from './interruption.ts'
import type { SizeLimit } from './narrowed-limits.ts'
import { type BlobSource, chunksOf } from './source.ts'

/** Up to this many bytes are held in memory until they are stored; more go to a spool, in writes of this size. */
const memorySize = 1024 * 1024

export interface ReceiveOptions extends SizeLimit {
  /** The announced size, in bytes. */
  declaredSize: number | undefined
  /** How many first bytes to keep for sniffing. */
  headLength: number
  interruption: Interruption
  /** Called once, before the first byte is written, if the bytes do not fit into memory. */
  openSpool(): Promise<ReservedSpool>
}

/** A spool for the bytes, and how many may be written there. */
export interface ReservedSpool {
  spool: Spool
  reserved: number
}

/** All bytes of a body: counted, hashed, and held where they can be stored from. */
export interface Received {
  size: number
  sha256: Uint8Array
  head: Uint8Array
  /** In memory, or */
  chunks: readonly Uint8Array[]
  /** in a spool. */
  spool: Spool | null
}

/**
 * Reads a body to its end. While one piece is being written the next is received and hashed, so that a large body takes
 * as long as the slower of the two, and the memory of two pieces. When it rejects, nothing is left of what was
 * received.
 *
 * @throws `PayloadTooLarge` `ScopeMissing` `QuotaExceeded` `InvalidSize` `UploadTimeout` `UploadInterrupted`
 */
export async function receive(source: BlobSource, options: ReceiveOptions): Promise<Received> {
  const { declaredSize, maxSize, interruption } = options
  if (declaredSize !== undefined && declaredSize > maxSize) throw options.tooLarge()
  const hash = createHash('sha256')
  const held = new ChunkList()
  let head: Uint8Array = new Uint8Array(0)
  let size = 0
  let opened: ReservedSpool | null = null
  let writing: Promise<void> = Promise.resolve()
  const write = async (): Promise<void> => {
    await writing
    opened ??= await options.openSpool()
    if (size > opened.reserved) throw quotaReached(opened.reserved)
    writing = opened.spool.write(held.take())
    writing.catch(() => {}) // the next await, which may come later, handles it
  }
  try {
    if (declaredSize !== undefined && declaredSize > memorySize) opened = await options.openSpool()
    for await (const chunk of interruptible(source, interruption)) {
      size += chunk.byteLength
      if (declaredSize !== undefined && size > declaredSize) throw wrongSize(declaredSize, `more than ${declaredSize}`)
      if (size > maxSize) throw options.tooLarge()
      hash.update(chunk)
      head = prolong(head, chunk, options.headLength)
      held.push(chunk)
      if (held.size > memorySize) await write()
    }
    interruption.received()
    if (declaredSize !== undefined && size !== declaredSize) throw wrongSize(declaredSize, `only ${size}`)
    if (opened && held.size > 0) await write()
    await writing
    return { size, sha256: hash.digest(), head, chunks: held.take(), spool: opened?.spool ?? null }
  } catch (error) {
    await writing.catch(() => {})
    await opened?.spool.discard().catch(() => {})
    throw error
  }
}

/**
 * The chunks of a body, until the interruption. A new promise each time instead of a race with one that lives as long
 * as the upload: that one would remember every chunk.
 */
async function* interruptible(source: BlobSource, interruption: Interruption): AsyncGenerator<Uint8Array> {
  const { signal } = interruption
  const iterator = chunksOf(source)
  let interrupt: (reason: unknown) => void = () => {}
  const onAbort = (): void => interrupt(signal.reason)
  signal.addEventListener('abort', onAbort)
  let ended = false
  try {
    while (true) {
      signal.throwIfAborted()
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = reject
        interruption.waiting()
        Promise.resolve(iterator.next()).then(resolve, reject)
      })
      if (next.done) {
        ended = true
        return
      }
      if (!isUint8Array(next.value)) throw notBytes(next.value)
      if (next.value.byteLength === 0) {
        // An empty chunk. A source that returns only these, without end, would keep the timers from running.
        await turn()
        continue
      }
      interruption.heard(next.value.byteLength)
      yield next.value
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (isBlobStoreError(error)) throw error
    ended = true
    throw new BlobStoreError('UploadInterrupted', 'The source of the upload failed before its end', { cause: error })
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited, because a source that hangs would hang here too.
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

function prolong(head: Uint8Array, chunk: Uint8Array, length: number): Uint8Array {
  if (head.byteLength >= length || chunk.byteLength === 0) return head
  return Buffer.concat([head, chunk.subarray(0, length - head.byteLength)])
}

function quotaReached(reserved: number): BlobStoreError {
  return new BlobStoreError(
    'QuotaExceeded',
    `The account has reached its quota: ${reserved} bytes were left for this upload`,
  )
}

function wrongSize(declared: number, found: string): BlobStoreError {
  return new BlobStoreError('InvalidSize', `${declared} bytes were announced, but ${found} arrived`)
}

function notBytes(value: unknown): BlobStoreError {
  return new BlobStoreError(
    'InvalidArgument',
    `The source returned a ${typeof value} instead of a Uint8Array; a Node stream must have no encoding set`,
  )
}

/** Smaller chunks are packed together. */
const small = 16 * 1024
const packSize = 64 * 1024

/**
 * Chunks as they arrived, without copying, except for small ones after the first: a chunk of one byte may hold a buffer
 * of 64 KiB that its sender reads into, and a slow sender could fill the memory with them.
 */
class ChunkList {
  size = 0
  #chunks: Uint8Array[] = []
  #pack: Uint8Array | null = null
  #packed = 0

  push(chunk: Uint8Array): void {
    this.size += chunk.byteLength
    if (chunk.byteLength >= small || (this.#chunks.length === 0 && this.#pack === null)) {
      this.#closePack()
      this.#chunks.push(chunk)
      return
    }
    if (this.#pack && this.#packed + chunk.byteLength > packSize) this.#closePack()
    this.#pack ??= Buffer.allocUnsafeSlow(packSize)
    this.#pack.set(chunk, this.#packed)
    this.#packed += chunk.byteLength
  }

  /** Returns all chunks in order; the list is empty afterwards. */
  take(): Uint8Array[] {
    this.#closePack()
    const chunks = this.#chunks
    this.#chunks = []
    this.size = 0
    return chunks
  }

  #closePack(): void {
    if (this.#pack && this.#packed > 0) this.#chunks.push(this.#pack.subarray(0, this.#packed))
    this.#pack = null
    this.#packed = 0
  }
}
