import { createReadStream, statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobBackend } from '../backend/backend.ts'
import { Layout, shardOf } from '../backend/disk/layout.ts'
import { keyOf } from '../backend/key.ts'
import type { BlobStore } from '../blob-store.ts'
import type { HealOptions } from '../maintenance/heal.ts'
import { UsageError } from './command.ts'
import { bucketAt, type Place } from './place.ts'
import { hasLayout } from './store-folder.ts'

type CopyOf = NonNullable<HealOptions['copyOf']>

/** Copies of blobs in any place, to repair a store from. */
export interface Copies extends AsyncDisposable {
  readonly copyOf: CopyOf
}

/** `s3://bucket/prefix` is a bucket, everything else a folder. @throws `UsageError` */
export async function copiesAt(flag: string, place: string, given: Place, blobs: BlobStore): Promise<Copies> {
  if (place.startsWith('s3://')) return copiesInBucket(await bucketAt(flag, place, given, 'copies'))
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${flag} ${place}: expected a folder, or s3://bucket/prefix`)
  }
  const paths = hasLayout(place) ? pathsInLayout(new Layout(place)) : pathsOfPlainFiles(place, blobs)
  return { copyOf: (cid, key) => firstFile(paths(cid, key)), [Symbol.asyncDispose]: async () => {} }
}

/** Where a copy may be, without listing the whole folder. */
type Paths = (cid: string, key: string) => AsyncIterable<string>

async function firstFile(paths: AsyncIterable<string>): ReturnType<CopyOf> {
  for await (const path of paths) {
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile()) return createReadStream(path)
  }
  return undefined
}

/** In the folder of a `DiskBackend`, or a copy of one, perhaps under another key. */
function pathsInLayout(layout: Layout): Paths {
  return async function* (cid, key) {
    yield layout.blob(key)
    const shard = layout.shard(shardOf(key))
    const names = await readdir(shard).catch(() => [])
    for (const name of names.filter((name) => name.startsWith(`${cid}.`))) yield join(shard, name)
  }
}

/** In an export of plain files, or in the layout of the reference PDS: a folder for each account. */
function pathsOfPlainFiles(folder: string, blobs: BlobStore): Paths {
  return async function* (cid) {
    yield join(folder, cid)
    const { items } = await blobs.listHolders(cid, { limit: 100 })
    for (const { did } of items) yield join(folder, did, cid)
  }
}

async function copiesInBucket(backend: BlobBackend): Promise<Copies> {
  await backend.open()
  return {
    async copyOf(cid, key) {
      const same = await backend.get(key)
      if (same) return same.body
      // A bucket lists in the order of its keys, and begins after any key: this one sorts before all others of the CID.
      const { keys } = await backend.list({ cursor: keyOf(cid, '1-2222222222222222'), limit: 10 })
      const other = keys.find((one) => one.startsWith(`${cid}.`))
      return other === undefined ? undefined : (await backend.get(other))?.body
    },
    [Symbol.asyncDispose]: () => backend.close(),
  }
}
