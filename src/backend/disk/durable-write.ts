import { checkSize } from '../arguments.ts'
import { syncDirectory } from '../files/directory.ts'
import type { SpoolFile } from '../files/spool-file.ts'
import { errnoOf } from '../files/system-calls.ts'
import type { BlobKey } from '../key.ts'
import { type Layout, shardOf } from './layout.ts'
import type { Shards } from './shards.ts'

/** Where blobs are written, and whether they must be on stable storage. */
export interface Destination {
  layout: Layout
  shards: Shards
  durable: boolean
  backend: string
}

/**
 * Turns a written spool file into a blob. The order matters: the bytes are on stable storage before they get their
 * name, and the name is before the call resolves. An abort before the rename leaves nothing; after it, an abort has no
 * effect.
 */
export async function placeBlob(
  file: SpoolFile,
  key: BlobKey,
  size: number,
  { layout, shards, durable, backend }: Destination,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted()
  await file.finish(durable)
  checkSize(file.size, size, key, backend)
  const shard = shardOf(key)
  await shards.ready(shard)
  signal?.throwIfAborted()
  try {
    await file.moveTo(layout.blob(key))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    // Another program removed an empty shard.
    shards.forget(shard)
    await shards.ready(shard)
    await file.moveTo(layout.blob(key))
  }
  if (durable) await syncDirectory(layout.shard(shard))
}
