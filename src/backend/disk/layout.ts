import type { BackendFile } from '../backend.ts'
import type { Owner } from '../files/owner.ts'
import { type BlobKey, cidOfKey } from '../key.ts'

/**
 * The directory layout, version 1. Only this file knows it.
 *
 * ```
 * <root>/
 *   layout-1            empty; its name is the version, so it is written in one step
 *   marker              by which a database and its bytes recognize each other
 *   blobs/
 *     v4/               a shard: the two characters before the last of the CID
 *       bafkrei…v4e.1-kq3z5vd4w2m7x6yt
 *   spool/
 *     <uuid>            bytes that are being received; on the same device, so that `put` is a rename
 * ```
 *
 * Every CID of a blob begins with `bafkrei` and one of 8 letters, and its last character is one of 8, so neither end
 * distributes well. The two characters before the last carry 10 bits of the hash, which makes 1,024 even directories.
 * They exist for tools and file systems that handle directories with millions of files badly, not for speed.
 */
export class Layout {
  readonly root: string
  readonly version: string
  readonly marker: string
  readonly blobs: string
  readonly spools: string
  /** Who is to own what is made in it: known once it is open. */
  owner: Owner | null = null

  constructor(root: string) {
    this.root = root
    this.version = `${root}/${versionName}`
    this.marker = `${root}/marker`
    this.blobs = `${root}/blobs`
    this.spools = `${root}/spool`
  }

  shard(shard: string): string {
    return `${this.blobs}/${shard}`
  }

  blob(key: BlobKey): string {
    return `${this.blobs}/${shardOf(key)}/${key}`
  }

  /** The same, for programs beside this one. */
  fileOf(key: BlobKey): BackendFile {
    return { root: this.root, path: `blobs/${shardOf(key)}/${key}` }
  }
}

export const versionName = 'layout-1'

export function shardOf(key: BlobKey): string {
  return key.slice(56, 58)
}

export function isShardName(name: string): boolean {
  return /^[a-z2-7]{2}$/.test(name)
}

/** Whether a file of that name in that shard is a blob. */
export function isBlobIn(shard: string, name: string): boolean {
  return shardOf(name) === shard && cidOfKey(name) !== null
}

export function isVersionName(name: string): boolean {
  return name.startsWith('layout-')
}
