import type { BlobStore } from '../blob-store.ts'
import type { Logger } from '../logger.ts'
import type { RunningPds } from './running-pds.ts'

/**
 * Forgets what an account had when the PDS has removed the account's database. PDS 0.4 tells a blob store which blobs to
 * delete while the account and all rows are still there, so that the answer to whether they may go is no.
 */
export function forgetDestroyed({ ctx }: RunningPds, blobs: BlobStore, logger: Logger): void {
  const { actorStore } = ctx
  const { destroy } = actorStore
  actorStore.destroy = async (did) => {
    await destroy.call(actorStore, did)
    try {
      const { count, reserved } = await blobs.usage(did)
      if (count === 0 && reserved === 0) return
      await blobs.deleteAccount(did)
      await blobs.reopenAccount(did)
    } catch (error) {
      logger.warn({ err: error, did }, 'The blobs of a deleted account were not all forgotten; reconciling does it')
    }
  }
}
