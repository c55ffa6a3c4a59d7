import { setImmediate } from 'node:timers/promises'
import type { BlobCid } from '../blob/cid.ts'
import type { Meeting, UploadSteps } from '../metadata/contract/uploads.ts'
import { maxDifferingClaims } from '../metadata/types.ts'

/**
 * Lets all records that still wait for a blob reference it, some in each transaction, so that other transactions can
 * run in between. After a crash, the next upload of the blob or collecting continues it. Resolves with what records
 * claim that differs from the blob.
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
