import type { BlobKey } from '../key.ts'
import { UnexpectedResponse } from './errors.ts'
import type { Requests } from './requests.ts'
import type { RemoteService } from './service.ts'

export interface ListingOptions {
  prefix: string
  /** The key of a name, or null for a name that is not a blob's. */
  keyOf: (name: string) => BlobKey | null
  /** The page begins after this name, or with the prefix. */
  after: string
  limit: number
  signal: AbortSignal | undefined
}

/**
 * One page of keys. Each request begins after a name instead of at a token of the service, so the last key is the whole
 * cursor and stays valid. Names that are not keys are skipped, and so is the name that was begun after: some services
 * list it again.
 */
export async function listKeys(
  service: RemoteService,
  requests: Requests,
  { prefix, keyOf, after, limit, signal }: ListingOptions,
): Promise<{ keys: BlobKey[]; cursor?: BlobKey }> {
  let extra = 0
  for (let from = after; ; ) {
    const wanted = limit + extra
    const page = await requests.retryIdempotent(signal, (own) =>
      service.list({ prefix, after: from, limit: wanted, signal: own }),
    )
    const { names, more } = Array.isArray(page) ? { names: page, more: page.length >= wanted } : page
    const keys = names
      .filter((name) => name > from)
      .map(keyOf)
      .filter((key) => key !== null)
    const cursor = keys.at(-1)
    if (!more) return { keys }
    if (cursor !== undefined) return { keys, cursor }
    const last = names.at(-1)
    if (last === from && extra === 0) {
      extra = 1 // a page of one name would contain nothing else
      continue
    }
    if (last === undefined || last <= from) {
      throw new UnexpectedResponse('the service lists the same names again and again')
    }
    from = last
  }
}
