import { BlobStoreError } from '../../errors.ts'
import { type BlobKey, cidOfKey } from '../key.ts'

/**
 * What lies where in the bucket. The only file that knows.
 *
 * ```
 * <prefix>blobs/bafkrei….1-kq3z5vd4w2m7x6yt     a blob
 * <prefix>marker                                by which a database and its bytes know each other
 * <prefix>probe/<uuid>                          written, read and deleted when the backend opens
 * ```
 *
 * No shards: a bucket is one sorted list, which services divide where it is busy, and behind `bafkrei` the names of
 * blobs spread evenly.
 */
export class Names {
  readonly prefix: string
  readonly blobs: string
  readonly marker: string
  readonly probes: string

  /** @throws `InvalidArgument` */
  constructor(prefix: string) {
    if (!/^([A-Za-z0-9!_.*'()-]+(\/|$))*$/.test(prefix) || prefix.length > 500 || prefix.split('/').includes('..')) {
      const message =
        'S3Backend: prefix is made of A-Z, a-z, 0-9 and !_.*\'()-, in parts between single slashes: "pds/"'
      throw new BlobStoreError('InvalidArgument', message)
    }
    this.prefix = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
    this.blobs = `${this.prefix}blobs/`
    this.marker = `${this.prefix}marker`
    this.probes = `${this.prefix}probe/`
  }

  blob(key: BlobKey): string {
    return `${this.blobs}${key}`
  }

  /** The key that an object is of, or null for what is no blob. */
  keyOf(name: string): BlobKey | null {
    if (!name.startsWith(this.blobs)) return null
    const key = name.slice(this.blobs.length)
    return cidOfKey(key) === null ? null : key
  }
}
