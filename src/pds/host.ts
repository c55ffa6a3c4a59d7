import type { BlobCid } from '../blob/cid.ts'
import { isMap } from '../shapes.ts'

/**
 * - `permanent`: a record that everybody may see references it.
 * - `unlisted`: it must be kept, but what references it is not for everybody, such as a record in a permissioned space.
 * - `temporary`: the host has it, and no committed record references it.
 */
export type Standing = 'permanent' | 'unlisted' | 'temporary'

/**
 * The host's status of those blobs that it has; a host that keeps no temporary ones may return those that are
 * permanent.
 */
export type HostAnswer = ReadonlyMap<BlobCid, Standing> | Iterable<BlobCid>

export interface AskOptions {
  /**
   * The answer must be final: read under the write lock of the database with the references, so that no transaction
   * that made one of these blobs permanent is still open. Otherwise committed data is enough, and nothing waits.
   */
  final: boolean
}

/** What a blob store must know of the PDS: the PDS's databases have the references, ours have bytes and metadata. */
export interface PdsHost {
  /**
   * The status of these blobs in the PDS. Called before any is forgotten. Throw if it is unknown: then all are kept.
   */
  referenced(did: string, cids: readonly BlobCid[], options: AskOptions): Promise<HostAnswer>
  /** Whether the account is certainly deleted. @default never */
  isDeleted?: ((did: string) => Promise<boolean>) | undefined
}

/** Whether a blob with that status must be kept. */
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
