import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Spool } from '../../backend/backend.ts'
import { cidOfDigest } from '../../blob/cid.ts'
import { invalidArgument } from '../../options.ts'
import type { StoreContext } from '../context.ts'
import type { Change, Privacy } from '../privacy.ts'
import { ChunkList } from './chunk-list.ts'
import type { Received } from './receive.ts'

/** In bytes: what is read of a spool at once, and what is written to one. */
const [windowSize, writeSize] = [256 * 1024, 1024 * 1024]

/** In milliseconds: how long bytes in memory are read before others have their turn. A small file may have very many parts. */
const turn = 5

export interface EditOptions {
  did: string
  signal: AbortSignal
  /** Another spool of the same upload. */
  openSpool(): Promise<Spool>
}

type Read = (start: number, end: number) => Promise<Uint8Array>

/**
 * What an upload becomes by the store's option `privacy`: itself, or other bytes, in a spool of their own if it has one.
 * Then its spool is discarded. Bytes that a record of the account names already, as after an import, stay as they are:
 * other bytes would be another blob, and the record would have none.
 *
 * When it rejects, nothing is left of what it made; the upload that it was given is the caller's.
 */
export async function edited(
  { metadata }: StoreContext,
  privacy: Privacy,
  received: Received,
  { did, signal, openSpool }: EditOptions,
): Promise<Received> {
  if ((await metadata.namedType(did, cidOfDigest(received.sha256))) !== undefined) return received
  const { size } = received
  const read = readerOf(received, signal)
  const changes = await privacy.examine({ did, size, read, signal })
  signal.throwIfAborted()
  if (changes.length === 0) return received
  assertChanges(changes, size)
  const spool = received.spool && (await openSpool())
  try {
    const written = await write(changed(read, size, changes), spool)
    await received.spool?.discard()
    return { ...written, head: received.head, spool }
  } catch (error) {
    await spool?.discard().catch(() => {})
    throw error
  }
}

async function write(
  source: AsyncIterable<Uint8Array>,
  spool: Spool | null,
): Promise<Pick<Received, 'size' | 'sha256' | 'chunks'>> {
  const hash = createHash('sha256')
  const held = new ChunkList()
  let size = 0
  let writing: Promise<void> | undefined
  // While one piece is being written the next is read and hashed.
  const put = async (to: Spool): Promise<void> => {
    await writing
    writing = to.write(held.take())
    writing.catch(() => {}) // the next await, which may come later, handles it
  }
  for await (const chunk of source) {
    size += chunk.byteLength
    hash.update(chunk)
    held.push(chunk)
    if (spool && held.size >= writeSize) await put(spool)
  }
  if (spool && held.size > 0) await put(spool)
  await writing
  return { size, sha256: hash.digest(), chunks: held.take() }
}

/** Reads in windows: a format's parts are small, and close to each other. */
function readerOf({ spool, chunks, size }: Received, signal: AbortSignal): Read {
  const whole = Buffer.concat(chunks)
  let at = 0
  let bytes: Uint8Array = new Uint8Array(0)
  let since = performance.now()
  return async (start, end) => {
    if (performance.now() - since > turn) {
      await setImmediate()
      since = performance.now()
    }
    signal.throwIfAborted()
    if (!(start >= 0 && start <= end && end <= size)) throw invalidArgument('read', 'the range lies outside the upload')
    if (!spool) return whole.subarray(start, end)
    if (start < at || end > at + bytes.byteLength) {
      bytes = await spool.readBack(start, Math.min(Math.max(end, start + windowSize), size))
      at = start
    }
    return bytes.subarray(start - at, end - at)
  }
}

async function* changed(read: Read, size: number, changes: readonly Change[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const { start, end, bytes, fill } of changes) {
    yield* copy(read, at, start)
    if (bytes.byteLength > 0) yield bytes
    if (fill !== undefined) yield* filled(end - start - bytes.byteLength, fill)
    at = end
  }
  yield* copy(read, at, size)
}

async function* copy(read: Read, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += windowSize) yield (await read(at, Math.min(at + windowSize, end))).slice()
}

function* filled(length: number, byte: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= windowSize) yield new Uint8Array(Math.min(left, windowSize)).fill(byte)
}

function assertChanges(changes: readonly Change[], size: number): void {
  let at = 0
  for (const { start, end, bytes } of changes) {
    const isWithin = start >= at && end >= start + bytes.byteLength && end <= size
    if (!isWithin)
      throw invalidArgument('privacy', 'changes must be in order, without overlaps, and make nothing longer')
    at = end
  }
}
