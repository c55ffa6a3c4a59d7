import type { CID } from 'multiformats/cid'
import { BlobStoreError } from '../errors.ts'
import { type BlobCid, blobCidOfBinary, type CidLike, isBlobCid, parseBlobCid, toCidObject } from './cid.ts'
import { parseMimeType } from './mime.ts'
import { hasExactly, isPlainObject, ownValue } from './plain-object.ts'

/**
 * A blob as a record names it (https://atproto.com/specs/data-model#blob-type).
 *
 * A plain object that is right in every form: `JSON.stringify` writes its link as `{"$link": "bafkrei…"}`,
 * dag-cbor as a CID link (tag 42), and the AT Protocol's own libraries take it for theirs.
 */
// No interface: TypeScript would not let one stand for a `LexMap`, which has an index signature.
export type BlobRef = {
  $type: 'blob'
  ref: CID
  mimeType: string
  /** In bytes. */
  size: number
}

/** A blob reference as JSON writes it. */
export type BlobRefJson = {
  $type: 'blob'
  ref: { $link: BlobCid }
  mimeType: string
  /** In bytes. */
  size: number
}

/** A blob reference as records before 2023 have it. It is read, never written. */
export interface LegacyBlobRef {
  cid: BlobCid
  mimeType: string
}

/** What a blob reference says, whatever its form. */
export interface BlobRefFields {
  cid: BlobCid
  mimeType: string
  /** In bytes. */
  size: number
}

/**
 * The blob reference that a client puts into its record. A copy (`{ ...ref }`) is as good; a `structuredClone` is not,
 * for it takes the link apart: pass it through {@link parseBlobRef}.
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
  if (problem !== null) throw new BlobStoreError('InvalidBlobRef', `Cannot make a blob reference: ${problem}`, { cid })
  // The link, not the reference, carries toJSON, so that copies of the reference keep it. A CID's own writes {"/": …}.
  // Not enumerable: lex-data refuses further keys, and dag-cbor a function.
  const ref = Object.defineProperty(toCidObject(cid), 'toJSON', { value: () => ({ $link: cid }) })
  return { $type: 'blob', ref, mimeType, size }
}

/**
 * The reference in the form of JSON, for what writes JSON without calling `toJSON`, and for references of others.
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
 * Reads a blob reference in the form of JSON (`{"$link": …}`) or with a CID object of any version of multiformats.
 * Strict: a plain object of exactly `$type`, `ref`, `mimeType` and `size`, the CID canonical, no getter called.
 * The legacy form is refused: see {@link isLegacyBlobRef}.
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
 * Whether `value` is a valid blob reference in memory: its `ref` a CID object. One in the form of JSON is a
 * {@link BlobRefJson}, and {@link parseBlobRef} makes a {@link BlobRef} of it.
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

/** As {@link isLegacyBlobRef}, but with any string for a MIME type. */
export function hasLegacyForm(value: object): boolean {
  return (
    hasExactly(value, ['cid', 'mimeType']) &&
    isBlobCid(ownValue(value, 'cid')) &&
    typeof ownValue(value, 'mimeType') === 'string'
  )
}

/** What the reference says or, as a string, what is wrong with it. */
export function readBlobRef(value: unknown): BlobRefFields | string {
  if (!isPlainObject(value)) return 'it is not a plain object'
  if (ownValue(value, '$type') !== 'blob') return '$type is not "blob"'
  if (!hasExactly(value, ['$type', 'ref', 'mimeType', 'size'])) return 'its keys are not $type, ref, mimeType and size'
  const cid = cidOfLink(ownValue(value, 'ref'))
  if (cid === null) return 'ref is not a link to a blob (CIDv1, raw, sha-256, as bafkrei… in base32 lower case)'
  const mimeType = ownValue(value, 'mimeType')
  const size = ownValue(value, 'size')
  return problemOfFields(mimeType, size) ?? { cid, mimeType: mimeType as string, size: size as number }
}

/** Whether `value` is a CID object of any version of multiformats (those before 11 know themselves by `asCID`). */
export function isCidObject(value: unknown): value is { readonly bytes: Uint8Array } {
  if (typeof value !== 'object' || value === null) return false
  const bytes = ownValue(value, 'bytes')
  return ArrayBuffer.isView(bytes) && (ownValue(value, '/') === bytes || ownValue(value, 'asCID') === value)
}

/** The blob that a link names, in JSON's form or as a CID object; null when it names none. */
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

/** Whether it is a size. 0 is the empty blob's; -0 would not survive a round trip through JSON. */
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
