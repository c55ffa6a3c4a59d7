import type { CID } from 'multiformats/cid'
import { BlobStoreError } from '../errors.ts'
import { type BlobCid, blobCidOfBinary, type CidLike, isBlobCid, parseBlobCid, toCidObject } from './cid.ts'
import { originalOf } from './lexicon-blob-ref.ts'
import { parseMimeType } from './mime.ts'
import { hasExactly, isPlainObject, ownValue } from './plain-object.ts'

/**
 * A blob reference in a record (https://atproto.com/specs/data-model#blob-type).
 *
 * A plain object that every encoder writes correctly: `JSON.stringify` writes its link as `{"$link": "bafkrei…"}`,
 * dag-cbor as a CID link (tag 42), and the AT Protocol's own libraries accept it as their own.
 */
// Not an interface: TypeScript would not assign one to a `LexMap`, which has an index signature.
export type BlobRef = {
  $type: 'blob'
  ref: CID
  mimeType: string
  /** In bytes. */
  size: number
}

/** A blob reference in its JSON form. */
export type BlobRefJson = {
  $type: 'blob'
  ref: { $link: BlobCid }
  mimeType: string
  /** In bytes. */
  size: number
}

/** A blob reference as in records before 2023. It is read, never written. */
export interface LegacyBlobRef {
  cid: BlobCid
  mimeType: string
}

/** The fields of a blob reference, whatever its form. */
export interface BlobRefFields {
  cid: BlobCid
  mimeType: string
  /** In bytes. */
  size: number
}

/**
 * Creates the blob reference that a client puts into its record. A copy (`{ ...ref }`) works as well. A
 * `structuredClone` does not, because it takes the link apart: pass it through {@link parseBlobRef}.
 *
 * @throws `InvalidCid`, and `InvalidBlobRef` for a MIME type or size that no reference can have
 *
 * @example
 * ```ts
 * import { cidOfBytes, createBlobRef } from 'pds-blobstore'
 *
 * const bytes = new TextEncoder().encode('hello')
 * const blob = createBlobRef({ cid: cidOfBytes(bytes), mimeType: 'text/plain', size: bytes.length })
 * const body = JSON.stringify({ blob })
 * ```
 */
export function createBlobRef(fields: { cid: CidLike; mimeType: string; size: number }): BlobRef {
  const { mimeType, size } = fields
  const cid = parseBlobCid(fields.cid)
  const problem = problemOfFields(mimeType, size)
  if (problem !== null)
    throw new BlobStoreError('InvalidBlobRef', `Cannot create a blob reference: ${problem}`, { cid })
  // The link, not the reference, carries toJSON, so that copies of the reference keep it. The toJSON of a CID would
  // write {"/": …}. Not enumerable: lex-data refuses further keys, and dag-cbor a function.
  const ref = Object.defineProperty(toCidObject(cid), 'toJSON', { value: () => ({ $link: cid }) })
  return { $type: 'blob', ref, mimeType, size }
}

/**
 * Converts the reference to its JSON form, for encoders that write JSON without calling `toJSON`, and for references
 * that others created.
 *
 * @throws `InvalidBlobRef`
 *
 * @example
 * ```ts
 * import { type BlobRef, blobRefToJson } from 'pds-blobstore'
 *
 * const linkOf = (blob: BlobRef) => blobRefToJson(blob).ref.$link
 * ```
 */
export function blobRefToJson(ref: BlobRef): BlobRefJson {
  const { cid, mimeType, size } = readOrThrow(ref)
  return { $type: 'blob', ref: { $link: cid }, mimeType, size }
}

/**
 * Parses a blob reference, in its JSON form (`{"$link": …}`) or with a CID object of any version of multiformats.
 * Strict: a plain object of exactly `$type`, `ref`, `mimeType` and `size`, with a canonical CID; no getter is called. An
 * instance of the class `BlobRef` of `@atproto/lexicon` and `@atproto/api` is parsed as what it encodes. The legacy form is refused: see {@link isLegacyBlobRef}.
 *
 * @throws `InvalidBlobRef`
 *
 * @example
 * ```ts
 * import { parseBlobRef } from 'pds-blobstore'
 *
 * const size = (body: string) => parseBlobRef(JSON.parse(body).blob).size
 * ```
 */
export function parseBlobRef(value: unknown): BlobRef {
  return createBlobRef(readOrThrow(value))
}

/**
 * Whether `value` is a valid blob reference in memory, with a CID object as its `ref`. The JSON form is a
 * {@link BlobRefJson}; {@link parseBlobRef} turns it into a {@link BlobRef}.
 *
 * @example
 * ```ts
 * import { isBlobRef } from 'pds-blobstore'
 *
 * const sizeOf = (value: unknown) => (isBlobRef(value) ? value.size : undefined)
 * ```
 */
export function isBlobRef(value: unknown): value is BlobRef {
  return isPlainObject(value) && typeof readBlobRef(value) === 'object' && isCidObject(ownValue(value, 'ref'))
}

/**
 * Whether `value` is a blob reference of the legacy form: exactly the keys `cid`, which names a blob, and `mimeType`.
 *
 * @example
 * ```ts
 * import { isLegacyBlobRef } from 'pds-blobstore'
 *
 * const cidOf = (value: unknown) => (isLegacyBlobRef(value) ? value.cid : undefined)
 * ```
 */
export function isLegacyBlobRef(value: unknown): value is LegacyBlobRef {
  return isPlainObject(value) && hasLegacyForm(value) && isMimeType(ownValue(value, 'mimeType'))
}

/** As {@link isLegacyBlobRef}, but with any string as MIME type. */
export function hasLegacyForm(value: object): boolean {
  return (
    hasExactly(value, ['cid', 'mimeType']) &&
    isBlobCid(ownValue(value, 'cid')) &&
    typeof ownValue(value, 'mimeType') === 'string'
  )
}

/** The fields of the reference or, as a string, what is wrong with it. */
export function readBlobRef(given: unknown): BlobRefFields | string {
  const value = originalOf(given) ?? given
  if (!isPlainObject(value)) return 'it is not a plain object'
  if (ownValue(value, '$type') !== 'blob') return '$type is not "blob"'
  if (!hasExactly(value, ['$type', 'ref', 'mimeType', 'size'])) return 'its keys are not $type, ref, mimeType and size'
  const cid = cidOfLink(ownValue(value, 'ref'))
  if (cid === null) return 'ref is not a link to a blob (CIDv1, raw, sha-256, as bafkrei… in base32 lower case)'
  const mimeType = ownValue(value, 'mimeType')
  const size = ownValue(value, 'size')
  return problemOfFields(mimeType, size) ?? { cid, mimeType: mimeType as string, size: size as number }
}

/** Whether `value` is a CID object of any version of multiformats (versions before 11 mark theirs with `asCID`). */
export function isCidObject(value: unknown): value is { readonly bytes: Uint8Array } {
  if (typeof value !== 'object' || value === null) return false
  const bytes = ownValue(value, 'bytes')
  return ArrayBuffer.isView(bytes) && (ownValue(value, '/') === bytes || ownValue(value, 'asCID') === value)
}

/** The CID of a link, in its JSON form or as a CID object; null if it is not the CID of a blob. */
export function cidOfLink(value: unknown): BlobCid | null {
  if (isCidObject(value)) return blobCidOfBinary(ownValue(value, 'bytes'))
  if (!isPlainObject(value) || !hasExactly(value, ['$link'])) return null
  const link = ownValue(value, '$link')
  return isBlobCid(link) ? link : null
}

function problemOfFields(mimeType: unknown, size: unknown): string | null {
  if (!isMimeType(mimeType)) return 'mimeType is not a MIME type'
  return isByteCount(size) ? null : 'size is not a number of bytes'
}

/** Whether it is a size. 0 is the size of the empty blob; -0 would not survive a round trip through JSON. */
export function isByteCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)
}

function isMimeType(value: unknown): value is string {
  return typeof value === 'string' && parseMimeType(value) !== null
}

function readOrThrow(value: unknown): BlobRefFields {
  const fields = readBlobRef(value)
  if (typeof fields === 'object') return fields
  throw new BlobStoreError('InvalidBlobRef', `Not a blob reference: ${fields}`)
}
