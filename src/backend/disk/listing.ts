import type { KeyPage } from '../backend.ts'
import { ifThere, sys } from '../files/system-calls.ts'
import type { BlobKey } from '../key.ts'
import { isBlobIn, isShardName, type Layout, shardOf } from './layout.ts'

/**
 * One page of the keys after `after`: shard by shard, each sorted, so that the last key is the whole cursor. Reads only
 * the shards that the page touches.
 */
export async function listKeys(
  layout: Layout,
  after: BlobKey | '',
  limit: number,
  signal: AbortSignal | undefined,
): Promise<KeyPage> {
  const first = shardOf(after)
  const shards = (await sys.readdir(layout.blobs)).filter((name) => isShardName(name) && name >= first).sort()
  const keys: BlobKey[] = []
  for (const shard of shards) {
    signal?.throwIfAborted()
    const names = await ifThere(sys.readdir(layout.shard(shard)), [])
    const behind = shard === first ? names.filter((name) => name > after) : names
    for (const name of behind.sort()) if (isBlobIn(shard, name)) keys.push(name)
    // One key more than the page holds shows that it is not the last page.
    if (keys.length > limit) return pageOf(keys.slice(0, limit))
  }
  return { keys }
}

function pageOf(keys: BlobKey[]): KeyPage {
  const cursor = keys.at(-1)
  return cursor === undefined ? { keys } : { keys, cursor }
}
