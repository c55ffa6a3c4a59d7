import { type BlobKey, cidOfKey } from '../key.ts'

/**
 * What lies where, version 1. The only file that knows.
 *
 * ```
 * <root>/
 *   layout-1            empty; its name is the version, so it is written in one step
 *   marker              by which a database and its bytes know each other
 *   blobs/
 *     v4/               a shard: the two characters next to the last of the CID
 *       bafkrei…v4e.1-kq3z5vd4w2m7x6yt
 *   spool/
 *     <uuid>            bytes on their way in; the same device, so that taking them over is a rename
 * ```
 *
 * Every blob's CID begins with `bafkrei` and one of 8 letters, and its last character is one of 8: neither end
 * spreads. The two characters next to the last carry 10 bits of the hash, which makes 1,024 even directories.
 * They are there for tools and file systems that dislike a directory of millions, not for speed.
 */
export class Layout {
  readonly root: string
  readonly version: string
  readonly marker: string
  readonly blobs: string
  readonly spools: string

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
}

export const versionName = 'layout-1'

export function shardOf(key: BlobKey): string {
  return key.slice(56, 58)
}

export function isShardName(name: string): boolean {
  return /^[a-z2-7]{2}$/.test(name)
}

/** Whether a file of that name in that shard is a blob's. */
export function isBlobIn(shard: string, name: string): boolean {
  return shardOf(name) === shard && cidOfKey(name) !== null
}

export function isVersionName(name: string): boolean {
  return name.startsWith('layout-')
}
