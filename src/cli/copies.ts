import { createReadStream, statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobBackend } from '../backend/backend.ts'
import { Layout, shardOf } from '../backend/disk/layout.ts'
import { keyOf } from '../backend/key.ts'
import { cidOfStream } from '../blob/cid.ts'
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
  return { copyOf: (cid, key) => firstGood(cid, files(paths(cid, key))), [Symbol.asyncDispose]: async () => {} }
}

/** Where a copy may be, without listing the whole folder. */
type Paths = (cid: string, key: string) => AsyncIterable<string>

type Candidate = () => Promise<AsyncIterable<Uint8Array> | undefined>

/**
 * The first copy whose hash matches: a damaged one must not hide a good one behind it. The last is not read for that, because
 * the store verifies what it gets, and most often there is only one.
 */
async function firstGood(cid: string, copies: AsyncIterable<Candidate>): ReturnType<CopyOf> {
  let last: Candidate | undefined
  for await (const open of copies) {
    if (last && (await isGood(cid, last))) return last()
    last = open
  }
  return last?.()
}

async function isGood(cid: string, open: Candidate): Promise<boolean> {
  try {
    const bytes = await open()
    return bytes !== undefined && (await cidOfStream(bytes)) === cid
  } catch {
    return false // as good as damaged: another may be readable
  }
}

async function* files(paths: AsyncIterable<string>): AsyncGenerator<Candidate> {
  for await (const path of paths) {
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile()) yield async () => createReadStream(path)
  }
}

/** In the folder of a `DiskBackend`, or a copy of one, perhaps under another key. */
function pathsInLayout(layout: Layout): Paths {
  return async function* (cid, key) {
    const same = layout.blob(key)
    yield same
    const shard = layout.shard(shardOf(key))
    const names = await readdir(shard).catch(() => [])
    const others = names.filter((name) => name.startsWith(`${cid}.`)).map((name) => join(shard, name))
    for (const path of others) if (path !== same) yield path
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
    copyOf: (cid, key) => firstGood(cid, copies(cid, key)),
    [Symbol.asyncDispose]: () => backend.close(),
  }

  async function* copies(cid: string, key: string): AsyncGenerator<Candidate> {
    const open = (key: string) => async () => (await backend.get(key))?.body
    if (await backend.has(key)) yield open(key)
    // A bucket lists in the order of its keys, and begins after any key: this one sorts before all others of the CID.
    const { keys } = await backend.list({ cursor: keyOf(cid, '1-2222222222222222'), limit: 10 })
    for (const other of keys) if (other !== key && other.startsWith(`${cid}.`)) yield open(other)
  }
}
