import { createHash } from 'node:crypto'
import type { Spool } from '../../backend/backend.ts'
import { BlobStoreError } from '../../errors.ts'
import { ChunkList } from './chunk-list.ts'
import { interruptible } from './interruptible.ts'
import type { Interruption } from './interruption.ts'
import type { SizeLimit } from './narrowed-limits.ts'
import type { BlobSource } from './source.ts'

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
