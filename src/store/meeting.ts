import { setImmediate } from 'node:timers/promises'
import type { BlobCid } from '../blob/cid.ts'
import type { Meeting, UploadSteps } from '../metadata/contract/uploads.ts'
import { maxDifferingClaims } from '../metadata/types.ts'

/**
 * Lets all records that still wait for a blob reference it, some in each transaction, so that others get their turn. What a
 * crash leaves, the next upload of the blob goes on with, or collecting. Resolves with what they say of it otherwise than it is.
 */
export async function finishMeeting(
  metadata: UploadSteps,
  did: string,
  cid: BlobCid,
  { begun = { differing: [], waiting: true }, signal }: { begun?: Meeting; signal?: AbortSignal | undefined } = {},
): Promise<Meeting['differing']> {
  let { waiting, differing } = begun
  while (waiting) {
    await setImmediate()
    signal?.throwIfAborted()
    const more = await metadata.meetExpectations(did, cid)
    waiting = more.waiting
    differing = [...differing, ...more.differing].slice(0, maxDifferingClaims)
  }
  return differing
}
