import type { BlobCid } from '../blob/cid.ts'
import type { RecentPurge } from '../metadata/contract/purges.ts'
import type { StoreContext } from './context.ts'
import { notifyInaccessible } from './inaccessible.ts'

/** What other processes are notified of: purges and takedowns of the last `within` milliseconds, read in pages of `limit`. */
const news = { within: 86_400_000, limit: 1000 }
/** How many are remembered, before old ones are forgotten. */
const most = 10_000

/**
 * Notifies the host's caches of purges and takedowns by other processes, because the command line has no hooks; and of
 * takedowns in the host's own transactions, which were not committed when they were called.
 */
export async function tellModeration(store: StoreContext): Promise<void> {
  if (!store.hooks.onInaccessible) return
  const { metadata, newsTold } = store
  const purges = (await recentPurges(metadata)).map((one) => ({ ...one, because: 'purged' as const }))
  const takedowns = (await recentTakedowns(metadata)).map((one) => ({ ...one, id: nameOf(one), because }))
  const all = [...purges, ...takedowns]
  for (const { id, did, cid, because } of all) {
    if (newsTold.has(id)) continue
    newsTold.add(id)
    void notifyInaccessible(store, { did, cid, because })
  }
  if (newsTold.size <= most) return
  const recent = new Set(all.map(({ id }) => id))
  for (const id of newsTold) if (!recent.has(id)) newsTold.delete(id)
}

async function recentPurges(metadata: StoreContext['metadata']): Promise<RecentPurge[]> {
  const found: RecentPurge[] = []
  let page: RecentPurge[]
  do {
    page = await metadata.recentPurges({ ...news, after: found.at(-1) ?? null })
    found.push(...page)
  } while (page.length === news.limit)
  return found
}

async function recentTakedowns(metadata: StoreContext['metadata']): Promise<Takedown[]> {
  const since = (await metadata.clock()) - news.within
  const found: Takedown[] = []
  const asked = { limit: news.limit, cid: undefined, quarantined: false, trx: undefined }
  let cursor: string | undefined
  do {
    // What is quarantined was never shown.
    const page = await metadata.listTakedowns({ ...asked, cursor })
    for (const { did, cid, takenDownAt, purged } of page.items) {
      if (takenDownAt.getTime() <= since) return found
      if (!purged) found.push({ did, cid, takenDownAt: takenDownAt.getTime() })
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

/** Notifies the host's caches of a takedown by this process; also when it is repeated, as after a failure of the hook. */
export function tellTakedown(store: StoreContext, takedown: Takedown): void {
  store.newsTold.add(nameOf(takedown))
  void notifyInaccessible(store, { did: takedown.did, cid: takedown.cid, because })
}

const because = 'takenDown' as const

interface Takedown {
  did: string
  cid: BlobCid
  takenDownAt: number
}

const nameOf = ({ did, cid, takenDownAt }: Takedown): string => `${did} ${cid} ${takenDownAt}`
