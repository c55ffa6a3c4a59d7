import { createHash } from 'node:crypto'
import { keyOf, newGeneration } from '../backend/key.ts'
import { cidOfDigest } from '../blob/cid.ts'
import type { Content } from '../metadata/care.ts'
import type { StoreContext } from '../store/context.ts'
import { type BlobSource, chunksOf } from '../store/source.ts'

/**
 * Puts a copy in the place of damaged bytes, if it is what the CID names: row before bytes, under a new key, as an
 * upload. Resolves with whether it did.
 */
export async function replaceByCopy(
  store: StoreContext,
  old: Content,
  copy: BlobSource,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { backend, metadata, times } = store
  const spool = await backend.spool({ signal })
  try {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of { [Symbol.asyncIterator]: () => asyncIterator(copy) }) {
      hash.update(chunk)
      size += chunk.byteLength
      if (size > old.size) return false
      await spool.write([chunk])
    }
    const sha256 = hash.digest()
    if (size !== old.size || cidOfDigest(sha256) !== old.cid) return false
    const key = keyOf(old.cid, newGeneration(store.epoch))
    await metadata.intendCopy({ key, backend: backend.name, cid: old.cid, lease: times.lease })
    await backend.put(key, { size, sha256, spool }, { signal })
    return await metadata.replaceContent({ old, key, backend: backend.name, deleteDelay: times.deleteDelay })
  } finally {
    await spool.discard()
  }
}

async function* asyncIterator(source: BlobSource): AsyncGenerator<Uint8Array> {
  const iterator = chunksOf(source)
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}
