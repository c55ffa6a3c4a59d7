import { type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/identifiers.ts'
import { BlobStoreError } from '../errors.ts'
import type { PurgeRecord } from '../metadata/contract/purges.ts'
import type { BlobPage } from '../metadata/types.ts'
import { assertOptions } from '../options.ts'
import type { PageOptions, QueryOptions, TakedownOptions } from './calls.ts'
import type { StoreContext } from './context.ts'
import { notifyInaccessible } from './inaccessible.ts'
import type { PurgeOptions, PurgeReport } from './purge.ts'

/** What moderators do with blobs: a part of `BlobStore`, whose general terms apply here too. */
export interface BlobModeration {
  /**
   * Hides a blob of one account or, with `did: '*'`, a CID in every account. It outlives the blob: the blob cannot be
   * uploaded again. The bytes are deleted when the account deletes them, unless `times.takedownHold` keeps them for
   * moderators.
   */
  takedown(did: string, cid: CidLike, options?: TakedownOptions): Promise<void>

  /**
   * Undoes `takedown` for the same `did` and CID. Does nothing if there was none. After a purge the bytes are gone, but
   * can be uploaded again: `listMissing` lists the records that wait for them.
   *
   * @throws `BlobTakenDown` (transient) while a purge of the same is running
   */
  reverseTakedown(did: string, cid: CidLike, options?: QueryOptions): Promise<void>

  /**
   * For illegal content: takes a blob down, of one account or with `did: '*'` of all, and deletes its bytes now instead
   * of after the delete delay. `times.takedownHold` does not keep it. In this order:
   *
   * 1. The takedown and a record of the purge are committed. From then on only moderators are served the blob, no
   *    upload stores its bytes again (`BlobTakenDown`, also with `takenDown: 'store'`), and no import or `recover`
   *    brings it back.
   * 2. `hooks.onInaccessible` is called, to purge caches and image variants: `because` is `purged`.
   * 3. The account loses the blob, or all accounts do. Records that reference it stay, and wait for it: `stat` finds
   *    nothing, also as `moderator`, `listAll` and `recordsFor` do not have it, and `listMissing` does not ask for it.
   *    Call `recordsFor` before.
   * 4. Every key that ever held these bytes is deleted in every backend of this process: the live one, replaced ones,
   *    and those that wait for the end of their delete delay. With one account, only when no other has the bytes, or had
   *    them last.
   *
   * After a failure or a crash after step 1, collecting completes it, or a further call, which leaves its own record. A
   * running reader may end or fail. The report is for the operator: it says whether others have the same bytes. What
   * the account's owner can see is the same in both cases.
   *
   * Not deleted: copies in backups (see `heldByBackups`), and bytes that no row knows, which the next sweep dooms.
   *
   * @throws `StoreRestored`: step 1 is done; collecting does the rest after `recover`
   */
  purge(did: string, cid: CidLike, options?: PurgeOptions): Promise<PurgeReport>

  /** A page of the records that purges have left, the newest first. */
  listPurges(options?: PageOptions): Promise<BlobPage<PurgeRecord>>
}

export async function takedown(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: TakedownOptions = {},
): Promise<void> {
  if (did !== '*') assertDid(did)
  assertOptions('takedown', options, ['ref', 'trx', 'signal'])
  options.signal?.throwIfAborted()
  const { ref = null } = options
  if (ref !== null && (typeof ref !== 'string' || ref.length > 1000 || ref.includes('\0'))) {
    throw new BlobStoreError('InvalidArgument', 'takedown: ref is a text of at most 1000 characters, none of them NUL')
  }
  const cid = parseBlobCid(cidLike)
  await store.metadata.takedown(did, cid, { ref, trx: options.trx })
  if (!options.trx) void notifyInaccessible(store, { did, cid, because: 'takenDown' })
}

export async function reverseTakedown(
  { metadata }: StoreContext,
  did: string,
  cid: CidLike,
  options: QueryOptions = {},
): Promise<void> {
  if (did !== '*') assertDid(did)
  assertOptions('reverseTakedown', options, ['trx', 'signal'])
  options.signal?.throwIfAborted()
  await metadata.reverseTakedown(did, parseBlobCid(cid), { trx: options.trx })
}
