import { randomBytes } from 'node:crypto'
import { base32 } from 'multiformats/bases/base32'
import { type BlobCid, isBlobCid } from '../blob/cid.ts'

/**
 * The name of bytes in a backend: `<cid>.<number>-<80 random bits>`, for example
 * `bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4.1-kq3z5vd4w2m7x6yt`. The number is that of the process's
 * entry if no row announces the bytes, see {@link numberIn}; otherwise the epoch, which nothing reads.
 *
 * A key is written once and never used again, so a late deletion (by a paused worker, or a request that timed out) only
 * deletes dead bytes. The last part is random instead of a counter, because a restored database would count again. 78
 * to 87 characters: ASCII lower-case letters, digits, `.` and `-`.
 */
export type BlobKey = string

const generation = /^[1-9][0-9]{0,9}-[a-z2-7]{16}$/

/**
 * Whether a marker may say so. A key has room for ten digits, and the epoch still grows: a damaged marker must not make keys
 * impossible for ever.
 */
export function isEpoch(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 9_000_000_000
}

/** Creates a new generation: the part that makes a key unique. */
export function newGeneration(number: number): string {
  return `${number}-${base32.baseEncode(randomBytes(10))}`
}

export function keyOf(cid: BlobCid, generation: string): BlobKey {
  return `${cid}.${generation}`
}

/** The CID that a key begins with, or null if `value` is not a key. */
export function cidOfKey(value: string): BlobCid | null {
  const cid = cidIn(value)
  return value.length <= 87 && value[59] === '.' && isBlobCid(cid) && generation.test(value.slice(60)) ? cid : null
}

/** The number in a valid key. A sweep leaves keys alone that have the number of an open entry. */
export function numberIn(key: BlobKey): number {
  return Number(key.slice(60, key.indexOf('-', 60)))
}

/** The CID of a valid key. */
export function cidIn(key: BlobKey): BlobCid {
  return key.slice(0, 59)
}
