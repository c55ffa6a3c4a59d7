import { type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/identifiers.ts'
import { BlobStoreError } from '../errors.ts'
import { assertOptions } from '../options.ts'
import type { QueryOptions, TakedownOptions } from './calls.ts'
import type { StoreContext } from './context.ts'
import { notifyInaccessible } from './inaccessible.ts'

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
  if (!options.trx) notifyInaccessible(store, { did, cid, because: 'takenDown' })
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
