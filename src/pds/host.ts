import type { BlobCid } from '../blob/cid.ts'
import { isMap } from '../shapes.ts'

/**
 * - `permanent`: a record references it, and everybody may see it by that.
 * - `unlisted`: it is to be kept, but what references it is not for everybody, as a record in a permissioned space.
 * - `temporary`: the host has it, and nothing references it as far as is committed.
 */
export type Standing = 'permanent' | 'unlisted' | 'temporary'

/** Of those asked for, what the host has of them; or, from a host that keeps no temporary ones, those that are permanent. */
export type HostAnswer = ReadonlyMap<BlobCid, Standing> | Iterable<BlobCid>

export interface AskOptions {
  /**
   * The answer must stand: from under the write lock of the database that has the references, so that no transaction
   * which made one of these blobs permanent is still open. Else what is committed will do, and nobody waits.
   */
  final: boolean
}

/** What a blob store must know of the PDS: references are in the PDS's databases, bytes and metadata in ours. */
export interface PdsHost {
  /**
   * What the PDS has of these blobs. Asked before any is let go. What cannot be known counts as permanent: throw.
   */
  referenced(did: string, cids: readonly BlobCid[], options: AskOptions): Promise<HostAnswer>
  /** Whether the account is deleted, for certain. @default never */
  isDeleted?: ((did: string) => Promise<boolean>) | undefined
}

/** Whether a blob that stands so must be kept. */
export function isKept(standing: Standing | undefined): boolean {
  return standing === 'permanent' || standing === 'unlisted'
}

/** @throws what the host throws */
export async function ask(
  host: PdsHost,
  did: string,
  cids: readonly BlobCid[],
  options: AskOptions,
): Promise<Map<BlobCid, Standing>> {
  if (cids.length === 0) return new Map()
  const answer = await host.referenced(did, cids, options)
  if (isMap(answer)) return answer as Map<BlobCid, Standing>
  const permanent = new Set(answer as Iterable<BlobCid>)
  return new Map(cids.filter((cid) => permanent.has(cid)).map((cid) => [cid, 'permanent']))
}
