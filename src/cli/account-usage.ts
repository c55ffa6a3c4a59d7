import { isDid } from '../blob/identifiers.ts'
import type { BlobStore } from '../blob-store.ts'
import type { AccountUsage } from '../metadata/types.ts'
import { UsageError } from './command.ts'

/**
 * What an account has, and a problem to report if that is nothing: it may be mistyped.
 *
 * @throws `UsageError` if it is no DID
 */
export async function usageOf(
  blobs: BlobStore,
  account: string,
): Promise<{ usage: AccountUsage; problems: readonly string[] }> {
  if (!isDid(account)) throw new UsageError(`--account ${account}: expected a DID, as did:plc:…`)
  const usage = await blobs.usage(account)
  const isKnown = usage.count + usage.reserved + usage.pending > 0
  const problems = isKnown
    ? []
    : [`${account} has nothing in this store. Is it the right account, and the right store?`]
  return { usage, problems }
}
