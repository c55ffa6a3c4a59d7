import pLimit from 'p-limit'
import { syncDirectory } from '../files/directory.ts'
import { errnoOf, ifThere, sys } from '../files/system-calls.ts'
import type { BlobKey } from '../key.ts'
import { type Layout, shardOf } from './layout.ts'

const atOnce = 8

/**
 * Unlinks files, then syncs each shard once. It also syncs the shards of absent keys, because the process that deleted
 * them may have died before its sync. Resolves with the errors of the system calls. An absent key counts as deleted only
 * where the store is: on a disk that is not mounted its bytes would come back.
 */
export async function deleteBlobs(
  layout: Layout,
  keys: readonly BlobKey[],
  durable: boolean,
  signal: AbortSignal | undefined,
): Promise<Map<BlobKey, unknown>> {
  const failed = new Map<BlobKey, unknown>()
  const absent: BlobKey[] = []
  const limit = pLimit(atOnce)
  await limit.map(keys, async (key) => {
    if (signal?.aborted) return
    await sys.unlink(layout.blob(key)).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') absent.push(key)
      else failed.set(key, error)
    })
  })
  signal?.throwIfAborted()
  if (absent.length > 0) {
    await sys.lstat(layout.version).catch((error: unknown) => {
      for (const key of absent) failed.set(key, error)
    })
  }
  if (!durable) return failed
  const unsynced = new Map<string, unknown>()
  await limit.map(new Set(keys.map(shardOf)), async (shard) => {
    await ifThere(syncDirectory(layout.shard(shard)), undefined).catch((error: unknown) => unsynced.set(shard, error))
  })
  for (const key of keys) {
    const shard = shardOf(key)
    if (unsynced.has(shard) && !failed.has(key)) failed.set(key, unsynced.get(shard))
  }
  return failed
}
