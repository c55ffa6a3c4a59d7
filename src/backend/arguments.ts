import { BlobStoreError } from '../errors.ts'
import type { ByteRange, ListOptions } from './backend.ts'
import { type BlobKey, cidIn, cidOfKey } from './key.ts'

/** Argument checks that every backend runs first. */

export function checkBackendName(name: string): string {
  if (typeof name === 'string' && /^[a-z0-9-]{1,32}$/.test(name)) return name
  throw new BlobStoreError('InvalidArgument', 'A backend\'s name is 1 to 32 of a-z, 0-9 and "-"')
}

/** A key becomes part of a path or a URL, so only well-formed keys pass. */
export function checkKey(key: BlobKey, backend: string): void {
  if (!isKey(key)) throw notAKey(backend)
}

/**
 * Splits keys into valid ones and invalid ones with their errors: one bad row must not keep the others from being
 * deleted.
 */
export function sortOutKeys(
  keys: readonly BlobKey[],
  backend: string,
): { keys: BlobKey[]; failed: Map<BlobKey, Error> } {
  const failed = new Map<BlobKey, Error>()
  for (const key of keys) if (!isKey(key)) failed.set(key, notAKey(backend))
  return { keys: keys.filter((key) => !failed.has(key)), failed }
}

function isKey(key: BlobKey): boolean {
  return typeof key === 'string' && cidOfKey(key) !== null
}

function notAKey(backend: string): BlobStoreError {
  return new BlobStoreError('InvalidArgument', 'Not a key of a blob: expected <cid>.<number>-<16 characters>', {
    backend,
  })
}

export function checkRange(range: ByteRange, size: number, key: BlobKey, backend: string): void {
  const { start, end } = range
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end < size) return
  throw new BlobStoreError('InvalidRange', `Bytes ${start} to ${end} are not within ${key}, which has ${size} bytes`, {
    backend,
    cid: cidIn(key),
  })
}

/** The page size, and the key that the page starts after: in backends that sort by key, this key is the cursor. */
export function checkPage(options: ListOptions, backend: string): { limit: number; after: BlobKey | '' } {
  const { limit = 1000, cursor = '' } = options
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new BlobStoreError('InvalidArgument', `The limit of a page must be a whole number above 0, not ${limit}`, {
      backend,
    })
  }
  if (cursor !== '' && cidOfKey(cursor) === null) {
    throw new BlobStoreError('InvalidArgument', 'Not a cursor that `list` returned', { backend })
  }
  return { limit, after: cursor }
}

/** No `put` may store fewer or more bytes than the row will state. */
export function checkSize(found: number, size: number, key: BlobKey, backend: string): void {
  if (found === size) return
  throw new BlobStoreError('StorageFailed', `Cannot store ${key}: ${size} bytes were announced, but ${found} arrived`, {
    backend,
    cid: cidIn(key),
  })
}

export function byteCount(chunks: readonly Uint8Array[]): number {
  let bytes = 0
  for (const chunk of chunks) bytes += chunk.byteLength
  return bytes
}
