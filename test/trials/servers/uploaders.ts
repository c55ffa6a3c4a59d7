import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { cidOfDigest } from '../../../src/blob/cid.ts'
import { type BlobStore, isBlobStoreError } from '../../../src/index.ts'

/** What was acknowledged, and must be there. */
export interface Acknowledged {
  did: string
  cid: string
  size: number
}

export interface Uploads {
  acknowledged: Acknowledged[]
  /** How many were refused, by message. */
  refused: Map<string, number>
}

// In all ways: held in memory, spooled, in parts.
const sizes = [1000, 1000, 50_000, 50_000, 50_000, 700_000, 3_000_000, 12_000_000]

/** Uploads `atOnce` at a time until the end is said. */
export async function uploadUntil(over: () => boolean, blobs: BlobStore, atOnce: number): Promise<Uploads> {
  const uploads: Uploads = { acknowledged: [], refused: new Map() }
  const worker = async (_: unknown, n: number): Promise<void> => {
    const did = `did:plc:uploader${String(n).padStart(16, 'a')}`
    for (let turn = 0; !over(); turn++) {
      const bytes = randomBytes(sizes[(turn + n) % sizes.length] ?? 1)
      try {
        const { ref, size } = await blobs.upload(did, bytes)
        uploads.acknowledged.push({ did, cid: ref.toString(), size })
      } catch (error) {
        if (!isBlobStoreError(error) || !error.transient) throw error
        const why = /\(([^)]*)\)$/.exec(error.message)?.[1] ?? error.code
        uploads.refused.set(why, (uploads.refused.get(why) ?? 0) + 1)
        await sleep(100)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return uploads
}

/** Those that are incomplete. */
export async function findLost(blobs: BlobStore, acknowledged: readonly Acknowledged[]): Promise<Acknowledged[]> {
  const lost: Acknowledged[] = []
  const rest = [...acknowledged]
  const worker = async (): Promise<void> => {
    for (let one = rest.pop(); one; one = rest.pop()) {
      const found = await hashOf(blobs, one).catch(() => null)
      if (found !== one.cid) lost.push(one)
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return lost
}

async function hashOf(blobs: BlobStore, { did, cid, size }: Acknowledged): Promise<string | null> {
  const reading = await blobs.read(did, cid, { as: 'account' })
  const hash = createHash('sha256')
  for await (const chunk of reading.chunks) hash.update(chunk)
  const digest = hash.digest()
  return reading.size === size ? cidOfDigest(digest) : null
}
