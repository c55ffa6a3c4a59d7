import { type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/did.ts'
import { assertOptions } from '../options.ts'
import type { QueryOptions, TakedownOptions } from './blob-store.ts'
import type { StoreContext } from './context.ts'

export async function takedown(
  { metadata }: StoreContext,
  did: string,
  cid: CidLike,
  options: TakedownOptions = {},
): Promise<void> {
  if (did !== '*') assertDid(did)
  assertOptions('takedown', options, ['ref', 'trx', 'signal'])
  options.signal?.throwIfAborted()
  await metadata.takedown(did, parseBlobCid(cid), { ref: options.ref ?? null, trx: options.trx })
}

export async function restore(
  { metadata }: StoreContext,
  did: string,
  cid: CidLike,
  options: QueryOptions = {},
): Promise<void> {
  if (did !== '*') assertDid(did)
  assertOptions('restore', options, ['trx', 'signal'])
  options.signal?.throwIfAborted()
  await metadata.restore(did, parseBlobCid(cid), { trx: options.trx })
}
