import { createHash } from 'node:crypto'
import { byteCount } from '../../backend/arguments.ts'
import { keyOf, newGeneration } from '../../backend/key.ts'
import { readWhole } from '../../backend/read-whole.ts'
import { cidOfDigest } from '../../blob/cid.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import type { Part, ResumableState } from '../../metadata/contract/resumable.ts'
import type { ResolvedQuota } from '../../metadata/types.ts'
import { type StoreContext, unusedDelay } from '../context.ts'

export interface PartTarget {
  did: string
  id: string
  start: number
  /** Where the part that it replaces starts. */
  replaces: number | null
  /** How much had arrived when the part was begun; null for a part at a place of its own. */
  after: number | null
  /** How many bytes are reserved for it now: none if the upload was begun with its size. */
  more: number
  quota: ResolvedQuota
}

/**
 * Stores the bytes of one part, with the steps of any upload: a row, the bytes under a key that is never used again,
 * and a commit. When it resolves, they count as received, durably. When it rejects, they are collected.
 */
export async function storePart(
  store: StoreContext,
  chunks: readonly Uint8Array[],
  { did, id, start, replaces, after, more, quota }: PartTarget,
): Promise<ResumableState> {
  const { metadata, times } = store
  const backend = store.backends.write
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  const [sha256, size] = [hash.digest(), byteCount(chunks)]
  const cid = cidOfDigest(sha256)
  const key = keyOf(cid, newGeneration(store.epoch))
  const lease = times.resumable + times.lease
  await metadata.intendPart(did, { key, backend: backend.name, cid, size, more, quota, lease })
  try {
    await backend.put(key, { size, sha256, chunks })
    const reservation = { generation: newGeneration(store.epoch), backend: backend.name, quota, lease }
    const part = { start, size, key, backend: backend.name, replaces, after, reservation }
    return await metadata.addPart(did, id, part)
  } catch (error) {
    const delay = isBlobStoreError(error, 'BlobTakenDown') ? 0 : unusedDelay(store) // purged since: gone with the next collection
    await metadata.dropKey(did, { id, start, key, size }, delay).catch(() => {}) // collected when its lease is over
    throw error
  }
}

/** The bytes of parts, in order, each compared with its own hash: what was acknowledged is what will be stored. */
export async function* bytesOf(store: StoreContext, parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await readPart(store, part)
}

/** @throws `BlobMissing` `BlobDamaged`, and what the backend throws */
export async function readPart(store: StoreContext, { key, backend, size }: Part): Promise<Uint8Array> {
  const from = store.backends.of(backend)
  const object = await from.get(key, { expectedSize: size })
  if (!object) throw (await from.readMarker()) === null ? notThere(backend) : lost('BlobMissing', backend)
  if (object.size !== size) {
    await object.body.return?.()
    throw lost('BlobDamaged', backend)
  }
  const bytes = await readWhole(object.body, size)
  const cid = cidOfDigest(createHash('sha256').update(bytes).digest())
  if (!key.startsWith(`${cid}.`)) throw lost('BlobDamaged', backend)
  return bytes
}

/** Who hears that bytes are lost ends the upload. These may only be on a disk that is not mounted. */
function notThere(backend: string): BlobStoreError {
  const message = 'The backend has lost its marker: is its disk mounted?'
  return new BlobStoreError('StorageFailed', message, { backend, transient: true })
}

function lost(code: 'BlobMissing' | 'BlobDamaged', backend: string): BlobStoreError {
  const what = code === 'BlobMissing' ? 'missing from' : 'damaged in'
  return new BlobStoreError(code, `Bytes of a resumable upload are ${what} the backend; upload them again`, { backend })
}
