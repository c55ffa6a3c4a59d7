import { decode as decodeDagCbor } from '@ipld/dag-cbor'
import { BlobStoreError } from '../errors.ts'
import { printable } from '../printable.ts'
import { isUint8Array } from '../shapes.ts'
import { cidOfLink, hasLegacyForm, isByteCount, isCidObject, readBlobRef } from './blob-ref.ts'
import type { BlobCid } from './cid.ts'
import { originalOf } from './lexicon-blob-ref.ts'
import { parseMimeType } from './mime.ts'
import { isPlainObject, ownValue } from './plain-object.ts'

/** A blob that a record names. */
export interface FoundBlobRef {
  cid: BlobCid
  /**
   * Without parameters and in lower case, as stored types are. With `broken: 'keep'`, `*` on both sides if it is not a
   * MIME type.
   */
  mimeType: string
  /**
   * In bytes. Undefined if the reference has the legacy form, which has no size; with `broken: 'keep'`, also if it is
   * not a size.
   */
  size: number | undefined
  /** Where the reference is, as a JSON pointer (`/embed/images/0/image`), for messages. */
  path: string
}

type Broken = 'refuse' | 'skip' | 'keep'

export interface FindOptions {
  /**
   * What to do with a malformed reference, which old repositories contain. `keep` keeps it if its link names a blob,
   * whatever else is wrong with it, and skips it otherwise.
   * @default 'refuse'
   */
  broken?: Broken | undefined
}

// A record has at most 1 MiB, and each value at least one byte of it, so no valid record has more values.
const maxBlockLength = 2 * 1024 * 1024
const maxValues = 1024 * 1024
// Deeper than any Lexicon nests, shallow enough for any stack. It also stops cycles.
const maxDepth = 128
const maxPathLength = 200

/**
 * Finds the blobs that a record references, in the record's order, each as often as it is referenced. Needs no Lexicon.
 *
 * `record` is a value (from JSON, or with CID objects) or, if it is a `Uint8Array`, a dag-cbor block. It may contain
 * instances of the class `BlobRef` of `@atproto/lexicon` and `@atproto/api`. Otherwise only own properties of plain
 * objects and arrays are read; no getter and no `toJSON` is called. What could hide a reference is refused, not skipped:
 * an instance of any other class, a getter, a record nested too deeply.
 *
 * @throws `InvalidBlobRef`, with the place, when a reference is malformed or the record cannot be searched
 *
 * @example
 * ```ts
 * import { findBlobRefs } from 'pds-blobstore'
 *
 * const cidsOf = (record: unknown) => new Set(findBlobRefs(record).map(({ cid }) => cid))
 * ```
 */
export function findBlobRefs(record: unknown, { broken = 'refuse' }: FindOptions = {}): FoundBlobRef[] {
  if (typeof record !== 'object' || record === null) {
    refuse('it is neither an object nor a dag-cbor block (JSON text must be parsed first)', null)
  }
  const found: FoundBlobRef[] = []
  let values = 0

  const visit = (given: object, at: Place | null, depth: number): void => {
    const value = originalOf(given) ?? given
    if (ArrayBuffer.isView(value) || isCidObject(value)) return
    if (depth > maxDepth) refuse(`it is nested more than ${maxDepth} levels deep, or in itself`, at)
    if (Array.isArray(value)) {
      // Checked before listing the keys: a sparse array can have any length.
      if (value.length > maxValues) refuse(`it has more than ${maxValues} values`, at)
    } else if (isPlainObject(value)) {
      const blob = blobIn(value, at, broken)
      if (blob !== null) {
        found.push(blob)
        return
      }
    } else refuse('there is an instance of a class; pass the record as JSON has it, or as a dag-cbor block', at)

    for (const key of Object.keys(value)) {
      values += 1
      if (values > maxValues) refuse(`it has more than ${maxValues} values`, at)
      const property = Object.getOwnPropertyDescriptor(value, key)
      if (property?.get || property?.set) refuse('there is a getter', { parent: at, key })
      const inner: unknown = property?.value
      if (typeof inner === 'object' && inner !== null) visit(inner, { parent: at, key }, depth + 1)
    }
  }

  const root = isUint8Array(record) ? decodeBlock(record) : record
  if (typeof root === 'object' && root !== null) visit(root, null, 0)
  return found
}

/** A property's path up to the record. The path becomes text only when it is needed. */
interface Place {
  parent: Place | null
  key: string
}

function blobIn(value: object, at: Place | null, broken: Broken): FoundBlobRef | null {
  if (ownValue(value, '$type') === 'blob') {
    const fields = readBlobRef(value)
    if (typeof fields === 'object') {
      return { ...fields, mimeType: parseMimeType(fields.mimeType) as string, path: pathOf(at) }
    }
    if (broken === 'refuse') return refuse(`there is a broken blob reference: ${fields}`, at)
    const cid = cidOfLink(ownValue(value, 'ref'))
    return cid === null || broken === 'skip' ? null : claimed(value, cid, at)
  }
  if (!hasLegacyForm(value)) return null
  if (broken !== 'keep' && parseMimeType(ownValue(value, 'mimeType') as string) === null) {
    if (broken === 'skip') return null
    return refuse('there is a broken blob reference: mimeType is not a MIME type', at)
  }
  return claimed(value, ownValue(value, 'cid') as BlobCid, at)
}

/** Stands for a MIME type that is not one. */
const anyType = '*/*'

function claimed(value: object, cid: BlobCid, at: Place | null): FoundBlobRef {
  const [mimeType, size] = [ownValue(value, 'mimeType'), ownValue(value, 'size')]
  return {
    cid,
    mimeType: (typeof mimeType === 'string' && parseMimeType(mimeType)) || anyType,
    size: isByteCount(size) ? size : undefined,
    path: pathOf(at),
  }
}

function decodeBlock(block: Uint8Array): unknown {
  if (block.length > maxBlockLength) refuse(`it has more than ${maxBlockLength} bytes`, null)
  try {
    // The decoder does not accept bytes of another realm.
    return decodeDagCbor(Buffer.from(block.buffer, block.byteOffset, block.byteLength))
  } catch (cause) {
    // The cause may be a stack overflow on deep nesting.
    return refuse('it is not a valid dag-cbor block', null, cause)
  }
}

function pathOf(at: Place | null): string {
  let path = ''
  let place = at
  // From the end upwards, and only as much as is shown: there may be many references at deep paths with long keys.
  for (; place !== null && path.length <= maxPathLength; place = place.parent) {
    path = `/${place.key.slice(0, maxPathLength).replaceAll('~', '~0').replaceAll('/', '~1')}${path}`
  }
  const whole = place === null && path.length <= maxPathLength
  return printable(whole ? path : `…${path.slice(-maxPathLength)}`, maxPathLength + 1)
}

function refuse(problem: string, at: Place | null, cause?: unknown): never {
  const where = at === null ? '' : ` (at ${pathOf(at)})`
  throw new BlobStoreError('InvalidBlobRef', `Cannot read the record's blob references: ${problem}${where}`, { cause })
}
