import { type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/identifiers.ts'
import type { TakedownRecord } from '../metadata/contract/accounts.ts'
import type { PurgeRecord } from '../metadata/contract/purges.ts'
import type { BlobHolder, BlobLocation, BlobPage, TakedownReversal } from '../metadata/types.ts'
import { assertOptions, booleanOf } from '../options.ts'
import type { ListTakedownsOptions, PageOptions, QueryOptions, ReversalOptions, TakedownOptions } from './calls.ts'
import type { StoreContext } from './context.ts'
import { tellTakedown } from './moderation-news.ts'
import { noteOf } from './notes.ts'
import type { PurgeOptions, PurgeReport } from './purge.ts'

/** What moderators do with blobs: a part of `BlobStore`, whose general terms apply here too. */
export interface BlobModeration {
  /**
   * Hides a blob of one account or, with `did: '*'`, a CID in every account. It outlives the blob: the blob cannot be
   * uploaded again. The bytes are deleted when the account deletes them, unless `times.takedownHold` keeps them for
   * moderators. A further call replaces `ref` and `by`, and keeps the time of the first. Of a quarantined blob it is the
   * decision to refuse it, and the first call: the reason that the inspection gave stays, unless `ref` is given.
   *
   * `hooks.onInaccessible` is called, here and within a minute in every other process of the store; with `trx` only
   * then.
   */
  takedown(did: string, cid: CidLike, options?: TakedownOptions): Promise<void>

  /**
   * Undoes `takedown` for the same `did` and CID, or releases what is quarantined: its records show it from then on. Does
   * nothing if there was none. Resolves with whether the blob stays hidden by another takedown: of one account by that of
   * every account, and the reverse. After a purge the bytes are gone, but can be uploaded again: `listMissing` lists the
   * records that wait for them.
   *
   * @throws `BlobTakenDown` (transient) while a purge of the same is running
   */
  reverseTakedown(did: string, cid: CidLike, options?: ReversalOptions): Promise<TakedownReversal>

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

  /**
   * A page of the takedowns that were not reversed, the newest first; with `cid`, those of one CID. A quarantined blob that a
   * moderator takes down counts as taken down now. So if you read all pages, one that is decided meanwhile may be on none:
   * it moves before the pages that you have. With `cid`, none is left out.
   */
  listTakedowns(options?: ListTakedownsOptions): Promise<BlobPage<TakedownRecord>>

  /** A page of the accounts that have a blob with this CID, temporary ones and deleted accounts too, ordered by DID. */
  listHolders(cid: CidLike, options?: PageOptions): Promise<BlobPage<BlobHolder>>

  /** Where the bytes of this CID are; null if no account has them. */
  locate(cid: CidLike, options?: QueryOptions): Promise<BlobLocation | null>
}

export async function takedown(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: TakedownOptions = {},
): Promise<void> {
  if (did !== '*') assertDid(did)
  assertOptions('takedown', options, ['ref', 'by', 'trx', 'signal'])
  options.signal?.throwIfAborted()
  const ref = noteOf('takedown', 'ref', options.ref, 1000)
  const by = noteOf('takedown', 'by', options.by, 300)
  const cid = parseBlobCid(cidLike)
  const takenDownAt = await store.metadata.takedown(did, cid, { ref, by, trx: options.trx })
  if (!options.trx) tellTakedown(store, { did, cid, takenDownAt })
}

export async function reverseTakedown(
  { metadata }: StoreContext,
  did: string,
  cid: CidLike,
  options: ReversalOptions = {},
): Promise<TakedownReversal> {
  if (did !== '*') assertDid(did)
  assertOptions('reverseTakedown', options, ['onlyQuarantined', 'trx', 'signal'])
  options.signal?.throwIfAborted()
  const onlyQuarantined = booleanOf('reverseTakedown: onlyQuarantined', options.onlyQuarantined) ?? false
  return metadata.reverseTakedown(did, parseBlobCid(cid), { onlyQuarantined, trx: options.trx })
}
