import { randomInt } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { cidOfRecord } from 'pds-blobstore'
import { XrpcError } from 'pds-blobstore/express'

export interface RecordPath {
  did: string
  collection: string
  rkey: string
  /** The URI of the space that it is in. Absent: it is public. */
  space?: string
}

/** By this URI the blob store knows who sees the blobs of a record. */
export const uriOf = ({ space, did, collection, rkey }: RecordPath): string =>
  `${space === undefined ? 'at:/' : space}/${did}/${collection}/${rkey}`

/** Converts a record from its JSON form, and computes its CID. */
export function parseRecord(json: unknown): { record: unknown; cid: string } {
  try {
    const record = fromJson(json)
    return { record, cid: cidOfRecord(record) }
  } catch (error) {
    throw new XrpcError(400, 'InvalidRequest', `Not a record: ${(error as Error).message}`)
  }
}

/** The form that dag-cbor encodes: links become CIDs, `$bytes` become bytes. */
function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson)
  if (typeof value !== 'object' || value === null) return value
  if ('$link' in value) return CID.parse(String(value.$link))
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'))
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, fromJson(child)]))
}

const alphabet = '234567abcdefghijklmnopqrstuvwxyz'
const clockId = BigInt(randomInt(1024))
let last = 0n

/**
 * A new TID: microseconds since 1970 and a clock's number, in 13 characters that sort by time. Never the same twice.
 */
export function nextTid(): string {
  const now = BigInt(Date.now()) * 1000n
  last = now > last ? now : last + 1n
  let bits = (last << 10n) | clockId
  let tid = ''
  for (let i = 0; i < 13; i++, bits >>= 5n) tid = alphabet[Number(bits & 31n)] + tid
  return tid
}
