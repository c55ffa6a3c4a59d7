import { createHash } from 'node:crypto'
import type { PutBody, Spool } from '../backend/backend.ts'
import { keyOf, newGeneration } from '../backend/key.ts'
import { cidOfDigest } from '../blob/cid.ts'
import type { Content } from '../metadata/care.ts'
import type { StoreContext } from '../store/context.ts'
import { type BlobSource, chunksOf } from '../store/source.ts'

/** What fits into this many bytes is held in memory, and needs no spool. */
const memorySize = 1024 * 1024

/** `superseded`: other bytes took the place of the old ones meanwhile, nobody needs them any more, or the copy outlived its lease. */
export type Replacement = 'replaced' | 'superseded' | 'not what the CID names'

/**
 * Puts a copy in the place of a CID's bytes, in the backend that is written to: row before bytes, under a new key, as an
 * upload. The old bytes are doomed. What dies on the way is collected when its lease is over.
 */
export async function replaceByCopy(
  store: StoreContext,
  old: Content,
  copy: BlobSource,
  signal: AbortSignal | undefined,
): Promise<Replacement> {
  const { backends, metadata, times } = store
  const backend = backends.write
  const spool = old.size > memorySize ? await backend.spool({ signal }) : null
  try {
    const body = await verified(old, copy, spool)
    if (body === null) return 'not what the CID names'
    const key = keyOf(old.cid, newGeneration(store.epoch))
    await metadata.intendCopy({ key, backend: backend.name, cid: old.cid, lease: times.lease })
    await backend.put(key, body, { signal })
    const replaced = await metadata.replaceContent({
      old,
      key,
      backend: backend.name,
      deleteDelay: times.deleteDelay,
    })
    return replaced ? 'replaced' : 'superseded'
  } finally {
    await spool?.discard()
  }
}

/** The copy's bytes, if they are what the CID names. */
async function verified(old: Content, copy: BlobSource, spool: Spool | null): Promise<PutBody | null> {
  const hash = createHash('sha256')
  const held: Uint8Array[] = []
  let size = 0
  for await (const chunk of { [Symbol.asyncIterator]: () => asyncIterator(copy) }) {
    hash.update(chunk)
    size += chunk.byteLength
    if (size > old.size) return null
    if (spool) await spool.write([chunk])
    else held.push(Uint8Array.from(chunk)) // it is valid only until the next is asked for
  }
  const sha256 = hash.digest()
  if (size !== old.size || cidOfDigest(sha256) !== old.cid) return null
  return spool ? { size, sha256, spool } : { size, sha256, chunks: held }
}

async function* asyncIterator(source: BlobSource): AsyncGenerator<Uint8Array> {
  const iterator = chunksOf(source)
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}
