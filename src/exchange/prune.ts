import type { CallOptions } from '../backend/backend.ts'
import type { BlobCid } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'

/** Brings the records of an account that the store says name a blob, and that do not, into line, by `write`. */
export async function pruneReferences(
  blobs: BlobStore,
  did: string,
  isNamed: (uri: string, cid: BlobCid) => boolean,
  write: (uri: string) => Promise<void>,
  { signal }: CallOptions,
): Promise<number> {
  const stale = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await blobs.listOwn(did, { cursor, signal })
    for (const { cid, referenced } of page.items) {
      const uris = referenced ? await blobs.recordsFor(did, cid, { signal }) : []
      for (const uri of uris) if (!isNamed(uri, cid)) stale.add(uri)
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  for (const uri of stale) await write(uri)
  return stale.size
}
