import type { BlobKey } from '../key.ts'
import { UnexpectedResponse } from './errors.ts'
import type { Requests } from './requests.ts'
import type { RemoteService } from './service.ts'

export interface ListingOptions {
  prefix: string
  /** The key that a name is of, or null for what is no blob's. */
  keyOf: (name: string) => BlobKey | null
  /** The name that the page begins behind, or the prefix. */
  after: string
  limit: number
  signal: AbortSignal | undefined
}

/**
 * One page of keys. Each request begins behind a name, not at a token of the service's, so that the last key is the whole
 * cursor, valid for ever. Names that are no keys are passed over, and so is the name that was begun behind: some services
 * list it once more.
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
      extra = 1 // a page of one name would hold nothing else
      continue
    }
    if (last === undefined || last <= from) {
      throw new UnexpectedResponse('the service lists the same names again and again')
    }
    from = last
  }
}
