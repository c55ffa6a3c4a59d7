import type { ByteRange } from '../../backend/backend.ts'
import { type BlobCid, type CidLike, parseBlobCid } from '../../blob/cid.ts'
import { assertDid } from '../../blob/identifiers.ts'
import { assertSpaceUri, publicScope } from '../../blob/spaces.ts'
import { BlobStoreError } from '../../errors.ts'
import type { ResolvedBlob } from '../../metadata/contract/queries.ts'
import type { BlobStat } from '../../metadata/types.ts'
import { assertOneOf, assertOptions } from '../../options.ts'
import type { BlobReading, ReadOptions, StatOptions } from '../calls.ts'
import type { StoreContext } from '../context.ts'
import { Reading } from './reading.ts'
import { StoredBytes } from './stored-bytes.ts'

export async function read(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: ReadOptions = {},
): Promise<BlobReading> {
  assertDid(did)
  assertOptions('read', options, ['as', 'space', 'range', 'verify', 'trx', 'signal'])
  const cid = parseBlobCid(cidLike)
  // Twice, because the bytes may have been replaced, and the old key deleted, since it was resolved.
  for (const isLast of [false, true]) {
    const blob = await resolve(store, did, cid, options)
    if (!blob) throw notFound(did, cid)
    const asked = typeof options.range === 'function' ? options.range(blob.size) : options.range
    const range = asked === undefined ? undefined : rangeWithin(asked, blob)
    const bytes = new StoredBytes(store, did, blob, options)
    const open = await bytes.open(range)
    if (open) return new Reading(blob, range, open, store.times.idle)
    if (!isLast) continue
    const missing = await bytes.missing()
    const copy = await bytes.openMirrored(range)
    if (copy) return new Reading(blob, range, copy, store.times.idle)
    throw missing
  }
  throw notFound(did, cid)
}

export async function stat(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: StatOptions = {},
): Promise<BlobStat | null> {
  assertDid(did)
  assertOptions('stat', options, ['as', 'space', 'trx', 'signal'])
  const blob = await resolve(store, did, parseBlobCid(cidLike), options)
  if (!blob) return null
  const { key: _key, backend: _backend, damaged: _damaged, ...stat } = blob
  return stat
}

/** Decides who sees what, in one query. The row has the key, which callers of the store never see. */
export async function resolve(
  { metadata }: StoreContext,
  did: string,
  cid: BlobCid,
  { as = 'public', space, trx, signal }: StatOptions,
): Promise<ResolvedBlob | null> {
  // A misspelt viewer must not silently see more or less.
  assertOneOf('as', as, ['public', 'account', 'moderator'])
  if (space !== undefined) assertSpaceUri('space', space)
  signal?.throwIfAborted()
  return metadata.resolve(did, cid, { as, trx, scope: space ?? (as === 'public' ? publicScope : null) })
}

/** @throws `InvalidRange` */
function rangeWithin(range: ByteRange, { cid, size }: ResolvedBlob): ByteRange {
  const { start, end } = range ?? {}
  const valid = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && start < size
  if (valid) return { start, end: Math.min(end, size - 1) }
  throw new BlobStoreError('InvalidRange', `Bytes ${start} to ${end} are not within a blob of ${size} bytes`, {
    cid,
  })
}

function notFound(did: string, cid: BlobCid): BlobStoreError {
  return new BlobStoreError('BlobNotFound', 'No such blob', { did, cid })
}
