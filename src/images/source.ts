import type { BlobStore } from '../blob-store.ts'
import type { BlobStat } from '../metadata/facts.ts'
import type { StatOptions } from '../store/calls.ts'
import type { Source } from './dimensions/header.ts'

/** A blob as something that can be read in parts. */
export function blobSource(blobs: BlobStore, did: string, { cid, size }: BlobStat, options: StatOptions): Source {
  return {
    size,
    async read(start, end) {
      const reading = await blobs.read(did, cid, { ...options, range: { start, end: end - 1 } })
      return await reading.bytes()
    },
  }
}
