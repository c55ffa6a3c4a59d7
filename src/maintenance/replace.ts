import { createHash } from 'node:crypto'
import type { BlobBackend, PutBody, Spool } from '../backend/backend.ts'
import { type BlobKey, keyOf, newGeneration } from '../backend/key.ts'
import { type BlobCid, cidOfDigest } from '../blob/cid.ts'
import { isBlobStoreError } from '../errors.ts'
import type { Content } from '../metadata/contract/scrub.ts'
import { type StoreContext, unusedDelay } from '../store/context.ts'
import { allowanceFor } from '../store/upload/interruption.ts'
import { type BlobSource, chunksOf } from '../store/upload/source.ts'

/** Up to this many bytes are held in memory, and need no spool. */
const memorySize = 1024 * 1024

/**
 * Opens the bytes to copy; undefined if there are none. Called when everything is ready for them, so that nothing stays
 * open when a spool cannot be created.
 */
export type OpenCopy = () => Promise<BlobSource | undefined>

/**
 * `superseded`: other bytes have replaced the old ones meanwhile, nothing needs them any more, they are being purged, or
 * the copy outlived its lease.
 */
export type Replacement = 'replaced' | 'superseded' | Exclude<NoCopy, 'purged'>

export type NoCopy = 'missing' | 'does not match the CID' | 'purged'

/**
 * Replaces a CID's bytes with a copy in the backend that is written to: row before bytes, under a new key, as in an
 * upload. The old bytes are doomed. What a crash leaves is collected when its lease is over.
 */
export async function replaceByCopy(
  store: StoreContext,
  old: Content,
  open: OpenCopy,
  signal: AbortSignal | undefined,
): Promise<Replacement> {
  const copied = await putCopy(store, old, open, signal)
  if (copied === 'purged') return 'superseded'
  if (typeof copied === 'string') return copied
  const { key } = copied
  const { backends, metadata, times } = store
  const replaced = await metadata.replaceContent({
    old,
    key,
    backend: backends.write.name,
    deleteDelay: times.deleteDelay,
  })
  return replaced ? 'replaced' : 'superseded'
}

/** Where a copy is stored, and what creates the row before its bytes. */
export interface CopyTarget {
  backend: BlobBackend
  intend(copy: { key: BlobKey; cid: BlobCid; lease: number }): Promise<void>
}

function writtenTo({ backends: { write: backend }, metadata }: StoreContext): CopyTarget {
  return { backend, intend: (copy) => metadata.intendCopy({ ...copy, backend: backend.name }) }
}

/**
 * Stores a verified copy of bytes, in the backend that is written to unless another place is given. Resolves with its
 * key, which is announced and belongs to nothing yet. If it rejects, the key is doomed: the next attempt, and a purge, need
 * not wait for the end of its lease.
 */
export async function putCopy(
  store: StoreContext,
  of: Pick<Content, 'cid' | 'size'>,
  open: OpenCopy,
  signal: AbortSignal | undefined,
  { backend, intend }: CopyTarget = writtenTo(store),
): Promise<{ key: BlobKey } | NoCopy> {
  const spool = of.size > memorySize ? await backend.spool({ signal }) : null
  try {
    const copy = await open()
    if (copy === undefined) return 'missing'
    const body = await verified(of, copy, spool)
    if (body === null) return 'does not match the CID'
    const key = keyOf(of.cid, newGeneration(store.epoch))
    try {
      await intend({ key, cid: of.cid, lease: store.times.lease + allowanceFor(of.size) })
      await backend.put(key, body, { signal })
    } catch (error) {
      if (isBlobStoreError(error, 'BlobTakenDown')) return 'purged'
      await abandon(store, { key, cid: of.cid })
      throw error
    }
    return { key }
  } finally {
    await spool?.discard()
  }
}

/** As a failed upload does. What cannot be undone now is collected when the lease is over. */
async function abandon(store: StoreContext, { key, cid }: { key: BlobKey; cid: BlobCid }): Promise<void> {
  try {
    await store.metadata.endCopy({ key, unusedDelay: unusedDelay(store) })
  } catch (err) {
    store.logger.warn({ err, cid }, 'A failed copy could not be undone; it is collected when its lease is over')
  }
}

/** The copy's bytes, if they match the CID. */
async function verified(
  of: Pick<Content, 'cid' | 'size'>,
  copy: BlobSource,
  spool: Spool | null,
): Promise<PutBody | null> {
  const hash = createHash('sha256')
  const held: Uint8Array[] = []
  let size = 0
  for await (const chunk of asyncIterator(copy)) {
    hash.update(chunk)
    size += chunk.byteLength
    if (size > of.size) return null
    if (spool) await spool.write([chunk])
    else held.push(Uint8Array.from(chunk)) // a chunk is valid only until the next is requested
  }
  const sha256 = hash.digest()
  if (size !== of.size || cidOfDigest(sha256) !== of.cid) return null
  return spool ? { size, sha256, spool } : { size, sha256, chunks: held }
}

/** The chunks of a source, which is left when its reader leaves. */
export async function* asyncIterator(source: BlobSource): AsyncGenerator<Uint8Array> {
  const iterator = chunksOf(source)
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}
