// Compiled, never run: what these lines say is checked by tsc.
import type { LexMap, BlobRef as TheirBlobRef, TypedBlobRef } from '@atproto/lex-data'
import {
  type BlobRef,
  type BlobRefJson,
  blobRefToJson,
  createBlobRef,
  isBlobRef,
  parseBlobRef,
} from '../../src/blob/blob-ref.ts'
import { type BlobCid, parseBlobCid } from '../../src/blob/cid.ts'
import { findBlobRefs } from '../../src/blob/find-blob-refs.ts'

declare const ours: BlobRef
declare const theirs: TypedBlobRef

// Our reference is accepted where lex-data wants one.
export const typed: TypedBlobRef = ours
export const any: TheirBlobRef = createBlobRef({ cid: theirs.ref, mimeType: theirs.mimeType, size: theirs.size })
export const record: LexMap = { image: ours }

// Theirs is accepted by our functions.
export const parsed: BlobRef = parseBlobRef(theirs)
export const cid: BlobCid = parseBlobCid(theirs.ref)
export const cids: BlobCid[] = findBlobRefs({ image: theirs }).map((blob) => blob.cid)
export const json: BlobRefJson = blobRefToJson(parseBlobRef(theirs))

// A value of unknown type is narrowed.
export const sizeOf = (value: unknown): number | undefined => (isBlobRef(value) ? value.size : undefined)

// The form of JSON is not the one in memory.
// @ts-expect-error a link in JSON is no CID
export const wrong: BlobRef = json
