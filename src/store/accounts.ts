import type { CallOptions } from '../backend/backend.ts'
import { assertDid } from '../blob/identifiers.ts'
import { isBlobStoreError } from '../errors.ts'
import { assertOptions } from '../options.ts'
import type { QueryOptions } from './calls.ts'
import type { StoreContext } from './context.ts'
import { notifyInaccessible } from './inaccessible.ts'

/** How many references, or blobs, one transaction forgets: few, so that other transactions can run in between. */
const batch = 250

/** Marks the account, so that nothing is added to it any more, then forgets in small transactions. */
export async function deleteAccount(store: StoreContext, did: string, options: CallOptions = {}): Promise<void> {
  assertDid(did)
  assertOptions('deleteAccount', options, ['signal'])
  options.signal?.throwIfAborted()
  const mark = await store.metadata.markDeleted(did)
  void notifyInaccessible(store, { did, cid: null, because: 'accountDeleted' })
  try {
    await forgetAccount(store, did, mark, options.signal)
  } catch (error) {
    // A restored database must not cause deletions. The mark stays, and collecting does the rest after recovery.
    if (!isBlobStoreError(error, 'StoreRestored')) throw error
  }
}

/** Forgets what a marked account had; also what a crash has left of it. */
export async function forgetAccount(
  { metadata, times }: Pick<StoreContext, 'metadata' | 'times'>,
  did: string,
  mark: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { deleteDelay, takedownHold } = times
  while (await metadata.deleteSome(did, mark, { limit: batch, deleteDelay, takedownHold })) {
    signal?.throwIfAborted()
  }
}

export async function reopenAccount(
  { metadata }: StoreContext,
  did: string,
  options: QueryOptions = {},
): Promise<void> {
  assertDid(did)
  assertOptions('reopenAccount', options, ['trx', 'signal'])
  options.signal?.throwIfAborted()
  await metadata.reopen(did, { trx: options.trx })
}
