import { type BlobStore, cidOfBytes, type PurgeRecord } from '../../src/index.ts'
import type { Place } from '../support/places.ts'
import { bytes, post } from '../support/samples.ts'

// What the tests of purges share.

export const bad: Uint8Array = bytes('illegal')
export const cid: string = cidOfBytes(bad)

/** Each of these accounts uploads the illegal bytes, and a record references them. */
export async function posted(blobs: BlobStore, ...dids: string[]): Promise<void> {
  for (const did of dids) await post(blobs, did, 'bad', await blobs.upload(did, bad))
}

/** The keys in the backend under which the illegal bytes are stored. */
export async function keysOf({ backend }: Place): Promise<string[]> {
  return (await backend().list()).keys.filter((key) => key.startsWith(cid))
}

/** The record of the newest purge. */
export async function latest(blobs: BlobStore): Promise<PurgeRecord | undefined> {
  const { items } = await blobs.listPurges({ limit: 1 })
  return items[0]
}
