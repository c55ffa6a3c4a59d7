import { isDid } from '../blob/identifiers.ts'
import type { BlobStore } from '../blob-store.ts'
import { UsageError } from './command.ts'

/**
 * A problem to report, or none: a mistyped account has nothing, like one that has uploaded nothing.
 *
 * @throws `UsageError` if it is no DID
 */
export async function unknownAccount(blobs: BlobStore, account: string): Promise<string[]> {
  if (!isDid(account)) throw new UsageError(`--account ${account}: expected a DID, as did:plc:…`)
  const { count, reserved, pending } = await blobs.usage(account)
  if (count + reserved + pending > 0) return []
  return [`${account} has nothing in this store. Is it the right account, and the right store?`]
}
