import type { CollectSteps, ExpiredBlob } from '../metadata/contract/collection.ts'

/** Fewer than this never stop anything, whatever their share. */
const harmless = 100

/** How long a blob is held back at most, in milliseconds. */
const heldFor = 7 * 86_400_000

const page = 1000

/**
 * How many of `all` may be deleted before an operator should check: more than a tenth at once is rarely intended, and
 * often means the wrong database, a clock that jumped, or a host that lost its records.
 */
export function deletionLimit(all: number): number {
  return Math.max(harmless, Math.floor(all / 10))
}

/** What collecting does not delete for now. */
export interface Held {
  /** Whether a blob that has expired is held back. */
  has(blob: ExpiredBlob): boolean
  blobs: number
  accounts: number
}

/**
 * If many accounts lose more than a tenth of what they have at once, their records may be gone by mistake. Then blobs
 * that records of these accounts referenced are held back, for {@link heldFor}. One account alone holds up nothing,
 * neither its own blobs nor those of others. Blobs that no record ever referenced are never held back.
 */
export async function heldBack(metadata: CollectSteps, takedownHold: number): Promise<Held> {
  const now = await metadata.clock()
  const mayBeHeld = (blob: ExpiredBlob) => blob.wasReferenced && blob.expiresAt > now - heldFor
  const expired = new Map<string, number>()
  let all = 0
  for await (const blob of expiredBlobs(metadata, takedownHold)) {
    if (blob.referenced || !mayBeHeld(blob)) continue
    expired.set(blob.did, (expired.get(blob.did) ?? 0) + 1)
    all += 1
  }
  const nothing = { has: () => false, blobs: 0, accounts: 0 }
  if (all <= harmless) return nothing
  const { accounts, blobs } = await metadata.countBlobs([...expired.keys()])
  const hit = [...expired].filter(([did, count]) => count > (blobs.get(did) ?? 0) / 10)
  if (hit.length <= Math.max(1, accounts / 10)) return nothing
  const dids = new Set(hit.map(([did]) => did))
  const count = hit.reduce((sum, [, count]) => sum + count, 0)
  return { has: (blob) => mayBeHeld(blob) && dids.has(blob.did), blobs: count, accounts: hit.length }
}

/** All expired blobs that no takedown holds, in pages, because there may be millions. */
export async function* expiredBlobs(metadata: CollectSteps, takedownHold: number): AsyncGenerator<ExpiredBlob> {
  let after: ExpiredBlob | null = null
  do {
    const blobs: ExpiredBlob[] = await metadata.expiredBlobs({ after, limit: page, takedownHold })
    yield* blobs
    after = blobs.length === page ? (blobs.at(-1) ?? null) : null
  } while (after !== null)
}
