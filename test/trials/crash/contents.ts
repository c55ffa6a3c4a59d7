import { createHash } from 'node:crypto'
import { type BlobRef, cidOfBytes, createBlobRef } from '../../../src/index.ts'

export interface Content {
  cid: string
  bytes: Uint8Array
  /** As a record names it. */
  ref: BlobRef
}

const mimeType = 'application/octet-stream'
const mebibyte = 1024 * 1024

/** Bytes that follow from the name. */
export function contentOf(name: string, size: number): Content {
  const bytes = new Uint8Array(Buffer.alloc(size, createHash('sha256').update(name).digest().subarray(0, 31)))
  const cid = cidOfBytes(bytes)
  return { cid, bytes, ref: createBlobRef({ cid, mimeType, size }) }
}

/**
 * The few contents that every account uploads again and again, so that their bytes are shared, collected and stored
 * anew. None is empty, because tombstones without a size are those of sweeps (see witness.ts).
 */
export const small: readonly Content[] = [1, 20, 900, 9_000, 60_000, 300_000].map((size) => contentOf('small', size))

/** Too large for memory: they go through a spool, in two writes. */
export const large: readonly Content[] = [1.2, 1.7].map((size) => contentOf('large', Math.floor(size * mebibyte)))

/** In chunks, as from a socket. */
export async function* inChunks({ bytes }: Content, breakAt = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  const length = 256 * 1024
  for (let at = 0; at < bytes.byteLength; at += length) {
    if (at + length > breakAt) throw new Error('the client disconnected')
    yield bytes.slice(at, at + length)
    await new Promise(setImmediate)
  }
}
