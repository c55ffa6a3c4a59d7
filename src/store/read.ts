import type { BackendObject, ByteRange } from '../backend/backend.ts'
import { type BlobCid, type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/did.ts'
import { visibleScopes } from '../blob/scope.ts'
import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/facts.ts'
import type { ResolvedBlob } from '../metadata/metadata.ts'
import { assertOptions } from '../options.ts'
import type { BlobReading, ReadOptions, StatOptions } from './blob-store.ts'
import type { StoreContext } from './context.ts'
import { Reading } from './reading.ts'
import { VerifiedChunks } from './verified-chunks.ts'
import { assertViewer } from './viewer.ts'

export async function read(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: ReadOptions = {},
): Promise<BlobReading> {
  assertDid(did)
  assertOptions('read', options, ['as', 'scopes', 'range', 'verify', 'trx', 'signal'])
  const cid = parseBlobCid(cidLike)
  const blob = await resolve(store, did, cid, options)
  if (!blob) throw notFound(did, cid)
  const range = options.range && rangeWithin(options.range, blob)
  const object = await open(store, did, blob, range, options)
  if (object) return startReading(store, did, blob, object, options)
  // The bytes may have been replaced, and the old key deleted, since it was resolved.
  const again = await resolve(store, did, cid, options)
  if (!again) throw notFound(did, cid)
  const second = await open(store, did, again, range, options)
  if (second) return startReading(store, did, again, second, options)
  throw new BlobStoreError('BlobMissing', 'The bytes of this blob are missing in the backend; scrub and restore them', {
    did,
    cid,
    backend: again.backend,
  })
}

export async function stat(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: StatOptions = {},
): Promise<BlobStat | null> {
  assertDid(did)
  assertOptions('stat', options, ['as', 'scopes', 'trx', 'signal'])
  const blob = await resolve(store, did, parseBlobCid(cidLike), options)
  if (!blob) return null
  const { key: _key, backend: _backend, ...facts } = blob
  return facts
}

async function resolve(
  { metadata }: StoreContext,
  did: string,
  cid: BlobCid,
  { as = 'public', scopes, trx, signal }: StatOptions,
): Promise<ResolvedBlob | null> {
  assertViewer(as)
  signal?.throwIfAborted()
  return metadata.resolve(did, cid, { as, trx, scopes: visibleScopes('scopes', scopes) })
}

async function open(
  { backend }: StoreContext,
  did: string,
  blob: ResolvedBlob,
  range: ByteRange | undefined,
  { signal }: ReadOptions,
): Promise<BackendObject | null> {
  const whole = range === undefined || (range.start === 0 && range.end === blob.size - 1)
  try {
    return await backend.get(blob.key, { signal, range: whole ? undefined : range })
  } catch (error) {
    // The range lies within the blob as its row has it, so it is the bytes that are too few.
    throw isBlobStoreError(error, 'InvalidRange') ? damaged(did, blob, 'fewer') : error
  }
}

function damaged(did: string, { cid, size, backend }: ResolvedBlob, found: number | 'fewer'): BlobStoreError {
  return new BlobStoreError(
    'BlobDamaged',
    `The backend holds ${found} bytes of a blob of ${size}; scrub and restore it, or upload it again`,
    { did, cid, backend },
  )
}

async function startReading(
  { times, metadata }: StoreContext,
  did: string,
  blob: ResolvedBlob,
  object: BackendObject,
  { range: asked, verify }: ReadOptions,
): Promise<BlobReading> {
  const { key, backend, ...facts } = blob
  const range = asked && rangeWithin(asked, blob)
  const about = { did, cid: blob.cid, backend }
  if (object.size !== blob.size) {
    await object.body.return?.()
    throw damaged(did, blob, object.size)
  }
  const markDamaged = async () => void (await metadata.markDamaged(blob.cid, key))
  const body = verify && !range ? new VerifiedChunks(object.body, about, markDamaged) : object.body
  return new Reading(facts, range, body, times.idle)
}

/** @throws `InvalidRange` */
function rangeWithin({ start, end }: ByteRange, { cid, size }: ResolvedBlob): ByteRange {
  const valid = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && start < size
  if (valid) return { start, end: Math.min(end, size - 1) }
  throw new BlobStoreError('InvalidRange', `Bytes ${start} to ${end} do not lie within a blob of ${size} bytes`, {
    cid,
  })
}

function notFound(did: string, cid: BlobCid): BlobStoreError {
  return new BlobStoreError('BlobNotFound', 'No such blob', { did, cid })
}
