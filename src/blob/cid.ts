import { createHash } from 'node:crypto'
import { code as dagCborCode, encode as encodeDagCbor } from '@ipld/dag-cbor'
import { base32 } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { BlobStoreError } from '../errors.ts'
import { originalOf } from './lexicon-blob-ref.ts'
import { isPlainObject } from './plain-object.ts'

/**
 * A blob's CID in its only spelling: CIDv1, codec raw, sha-256, base32 in lower case, 59 characters
 * (https://atproto.com/specs/blob, https://dasl.ing/cid.html).
 */
export type BlobCid = string

/** What calls accept as a CID: its string, or a CID object of any version of multiformats. */
export type CidLike = string | { readonly bytes: Uint8Array; toString(): string }

const rawCode = 0x55
const sha256Code = 0x12

/** CIDv1, raw, sha-256, 32 bytes: the bytes before the digest in the binary form. */
const binaryPrefix = Uint8Array.of(1, rawCode, sha256Code, 32)

// 36 bytes are 288 bits; 58 base32 characters hold 290. The prefix fixes the first 6 characters and the top bits of the
// 7th; the last character carries 3 bits, so 8 of its 32 values are possible. Everything else that a parser might
// accept (upper case, padding, other bases, codecs or hashes) is another spelling or not a blob.
const canonical = /^bafkrei[a-h][a-z2-7]{50}[aeimquy4]$/

/** Whether `value` is a blob's CID in its canonical spelling. */
export function isBlobCid(value: unknown): value is BlobCid {
  return typeof value === 'string' && canonical.test(value)
}

/**
 * The canonical spelling of a blob's CID.
 *
 * @throws `InvalidCid` for any other spelling, codec or hash
 */
export function parseBlobCid(value: CidLike): BlobCid {
  const text = typeof value === 'string' ? value : blobCidOfBinary(value?.bytes)
  if (isBlobCid(text)) return text
  throw new BlobStoreError(
    'InvalidCid',
    'Not the CID of a blob: expected CIDv1, raw, sha-256 in base32 lower case (bafkrei…, 59 characters)',
  )
}

/**
 * The canonical spelling of a blob's CID in its binary form, or null if `bytes` is anything else.
 *
 * Takes bytes, because a CID object of multiformats returns the spelling that it once parsed.
 */
export function blobCidOfBinary(bytes: unknown): BlobCid | null {
  if (!ArrayBuffer.isView(bytes) || bytes.byteLength !== 36) return null
  const cid = base32.encode(new Uint8Array(bytes.buffer, bytes.byteOffset, 36))
  return isBlobCid(cid) ? cid : null
}

/** The CID as the object that multiformats, dag-cbor and the AT Protocol's libraries use. */
export function toCidObject(cid: BlobCid): CID {
  return CID.createV1(rawCode, createDigest(sha256Code, digestOfCid(cid)))
}

/** The CID of the bytes whose sha-256 is `digest` (32 bytes). */
export function cidOfDigest(digest: Uint8Array): BlobCid {
  const bytes = new Uint8Array(36)
  bytes.set(binaryPrefix)
  bytes.set(digest, 4)
  return base32.encode(bytes)
}

/** The sha-256 in a blob's CID, 32 bytes. */
export function digestOfCid(cid: BlobCid): Uint8Array {
  return base32.decode(parseBlobCid(cid)).subarray(4)
}

/**
 * The CID of bytes, or of all chunks of a stream, which is read once and not kept.
 *
 * @example
 * ```ts
 * import { cidOfBytes } from 'pds-blobstore'
 *
 * const cid = cidOfBytes(new TextEncoder().encode('hello'))
 * ```
 */
export function cidOfBytes(bytes: Uint8Array): BlobCid {
  return cidOfDigest(createHash('sha256').update(bytes).digest())
}

/** @inheritDoc cidOfBytes */
export async function cidOfStream(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<BlobCid> {
  const hash = createHash('sha256')
  for await (const chunk of chunks) hash.update(chunk)
  return cidOfDigest(hash.digest())
}

/**
 * The CID of a record: CIDv1, dag-cbor, sha-256 (`bafyrei…`). Never that of a blob. Links must be CID objects, not JSON.
 * Instances of the class `BlobRef` of `@atproto/lexicon` and `@atproto/api` count as what they encode.
 */
export function cidOfRecord(record: unknown): string {
  const digest = createHash('sha256')
    .update(encodeDagCbor(withoutClasses(record)))
    .digest()
  return CID.createV1(dagCborCode, createDigest(sha256Code, digest)).toString()
}

/** The value with the originals of `BlobRef` instances, which the encoder would write with all their fields. */
function withoutClasses(value: unknown): unknown {
  const original = originalOf(value)
  if (original !== null) return original
  if (Array.isArray(value)) return value.map(withoutClasses)
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutClasses(inner)]))
}
