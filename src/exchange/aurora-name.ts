import { type BlobCid, cidOfDigest, isBlobCid } from '../blob/cid.ts'

/**
 * What Aurora Locus calls a blob: `bafyrei` and the sha-256 of its bytes in hex. That is no CID, but it has the digest of
 * one. Null for anything else; a true CID is its own.
 */
export function cidOfAuroraName(name: string): BlobCid | null {
  if (isBlobCid(name)) return name
  const hex = /^bafyrei([0-9a-f]{64})$/.exec(name)?.[1]
  return hex === undefined ? null : cidOfDigest(Buffer.from(hex, 'hex'))
}
