import { newGeneration } from '../../backend/key.ts'
import { untilAborted } from '../../backend/until-aborted.ts'
import { type BlobRef, createBlobRef } from '../../blob/blob-ref.ts'
import { assertDid } from '../../blob/identifiers.ts'
import { octetStream } from '../../blob/mime.ts'
import { type BlobStoreErrorCode, isBlobStoreError } from '../../errors.ts'
import type { ResumableState } from '../../metadata/contract/resumable.ts'
import { assertOptions } from '../../options.ts'
import { type StoreContext, unusedDelay } from '../context.ts'
import { quotaOf } from '../limits.ts'
import { allowanceFor } from '../upload/interruption.ts'
import { assertUploadLimits } from '../upload/narrowed-limits.ts'
import { uploadReserved } from '../upload/upload.ts'
import { bytesOf } from './part-store.ts'
import type { FinishResumableOptions } from './resumable-uploads.ts'
import { assertId, findState, forgetParts, limitOptions } from './resumables.ts'

/** Because of these an upload can never be finished: the bytes are not what was announced, or not wanted. */
const lasting = new Set<BlobStoreErrorCode>([
  ...(['CidMismatch', 'InvalidMimeType', 'PayloadTooLarge', 'BlobTakenDown', 'BlobRefused', 'PrivateData'] as const),
  ...(['InvalidSize', 'BlobMissing', 'BlobDamaged'] as const),
])

/**
 * How long a claim lasts that is not renewed, in milliseconds: so long does a client wait if the process ends while it
 * stores the blob. If a claim ends too early, because a process stood still, the blob is stored twice at once, and is one.
 */
const claim = 10_000

/**
 * Reads the parts and stores them as one blob, with the steps of any upload. The space that was reserved moves to that
 * upload. After a crash in between, another call does it again: the CID is the same.
 */
export async function finish(
  store: StoreContext,
  did: string,
  id: string,
  options: FinishResumableOptions = {},
): Promise<BlobRef> {
  assertDid(did)
  assertId(id)
  assertOptions('resumable.finish', options, limitOptions)
  assertUploadLimits('resumable.finish', options)
  options.signal?.throwIfAborted()
  const { metadata, times, limits } = store
  await findState(store, did, id) // nobody else ends a request of the account
  await untilAborted(store.appends.end(id), options.signal)
  const { received } = await findState(store, did, id)
  const reservation = {
    generation: newGeneration(store.epoch),
    backend: store.backends.write.name,
    quota: await quotaOf(limits.quota, did, options.quota),
    lease: times.lease + allowanceFor(received),
  }
  const state = await metadata.claimResumable(did, id, reservation, claim)
  if (state.finished) return blobOf(state)
  const { generation } = reservation
  const renew = () => void metadata.renewClaim(did, id, generation, claim).catch(() => {})
  const renewing = setInterval(renew, claim / 4)
  try {
    const parts = await metadata.partsOf(id)
    const { mimeType, cid } = state
    const blob = await uploadReserved(store, did, bytesOf(store, parts), generation, {
      ...options,
      size: state.received,
      mimeType: mimeType ?? undefined,
      cid: cid ?? undefined,
    })
    const stored = { cid: String(blob.ref), mimeType: blob.mimeType, size: blob.size }
    await metadata.finishResumable(did, id, generation, stored)
    await forgetParts(store, did, id)
    return blob
  } catch (error) {
    await giveBack(store, did, id, reservation, { lasts: lasts(error, options) })
    // Another request may have stored the blob meanwhile, if this process stood still, or the answer was lost.
    const now = options.signal?.aborted ? null : await metadata.findResumable(did, id).catch(() => null)
    if (now?.finished) return blobOf(now)
    throw error
  } finally {
    clearInterval(renewing)
  }
}

/** Whether no call can finish it. What only the limits of this call may refuse is left to others. */
function lasts(error: unknown, { accept, maxSize }: FinishResumableOptions): boolean {
  if (!isBlobStoreError(error) || !lasting.has(error.code)) return false
  if (error.code === 'InvalidMimeType') return accept === undefined
  return error.code !== 'PayloadTooLarge' || maxSize === undefined
}

/** After a failure: ends the upload, or lets it be finished again. */
async function giveBack(
  store: StoreContext,
  did: string,
  id: string,
  { generation, ...reservation }: { generation: string; backend: string; quota: ResolvedQuotaOf; lease: number },
  { lasts }: { lasts: boolean },
): Promise<void> {
  const { metadata, times } = store
  try {
    // Nothing of the reservation is left, unless the upload failed before it began.
    await metadata.release({ generation, did, key: null, unusedDelay: unusedDelay(store) })
    if (lasts) {
      await metadata.endResumable(did, id, generation)
      await forgetParts(store, did, id)
    } else {
      const again = { ...reservation, generation: newGeneration(store.epoch), lease: times.resumable + times.lease }
      await metadata.reopenResumable(did, id, generation, again)
    }
  } catch {
    // Then the claim's lease ends, and the upload may be finished again, until it expires.
  }
}

type ResolvedQuotaOf = Awaited<ReturnType<typeof quotaOf>>

function blobOf({ cid, mimeType, size }: ResumableState): BlobRef {
  return createBlobRef({ cid: cid ?? '', mimeType: mimeType ?? octetStream, size: size ?? 0 })
}
