import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { CallOptions } from '../backend/backend.ts'
import type { BlobKey } from '../backend/key.ts'
import { untilAborted } from '../backend/until-aborted.ts'
import { type BlobCid, type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/identifiers.ts'
import type { PurgedKey, PurgeRecord } from '../metadata/contract/purges.ts'
import type { Metadata } from '../metadata/metadata.ts'
import { assertOptions } from '../options.ts'
import { printable } from '../printable.ts'
import type { StoreContext } from './context.ts'
import { type DeletionOptions, deleteBytes } from './delete-bytes.ts'
import { notifyInaccessible } from './inaccessible.ts'
import { noteOf } from './notes.ts'

export interface PurgeOptions extends CallOptions {
  /** Why, for the record: a case number, a law. At most 1000 characters. @default none */
  reason?: string | undefined
  /** Who requested it, for the record. At most 300 characters. @default none */
  by?: string | undefined
}

/**
 * What a purge has done so far. For operators: `sharedWithOthers`, `keys` and `remaining` reveal what other accounts
 * have.
 */
export interface PurgeReport extends PurgeRecord {
  /** Keys that could not be deleted: the first 100. Collecting tries them again, and so does a further call. */
  remaining: RemainingKey[]
  /** How many keys could not be deleted. */
  remainingKeys: number
  /**
   * Running uploads of these bytes, and copies that the store makes: each is refused at its end, and a collection deletes
   * what it stored. Uploads of up to 1 MiB that no hook inspects are not counted: they are refused too, moments later.
   */
  uploads: number
  /**
   * Whether the hook `onInaccessible` purged the caches: false if it failed or took longer than 30 seconds, null if
   * this process has none. Other processes call theirs within a minute.
   */
  cachesPurged: boolean | null
}

export interface RemainingKey {
  backend: string
  key: BlobKey
  /** Why the backend could not delete it. */
  error: string
}

interface Purged {
  did: string
  cid: BlobCid
}

type Deletion = Pick<PurgeReport, 'keys' | 'remaining' | 'remainingKeys'>

/** The size of one transaction, or page: few references, so that other transactions can run in between. */
const sizes = { references: 250, holders: 100, keys: 1000 }
/** How many of the remaining keys are listed by name. */
const toldKeys = 100
/** How long the host may take to purge its caches, in milliseconds. */
const hookPatience = 30_000

export async function purge(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: PurgeOptions = {},
): Promise<PurgeReport> {
  if (did !== '*') assertDid(did)
  assertOptions('purge', options, ['reason', 'by', 'signal'])
  const { signal } = options
  signal?.throwIfAborted()
  const reason = noteOf('purge', 'reason', options.reason, 1000)
  const by = noteOf('purge', 'by', options.by, 300)
  const cid = parseBlobCid(cidLike)
  const id = randomUUID()
  store.newsTold.add(id)
  await store.metadata.beginPurge({ id, did, cid, reason, by })
  const caches = purgeCaches(store, { did, cid })
  const rest = await finishPurge(store, { did, cid }, { signal, down: new Set() })
  const record = await store.metadata.purgeRecord(id)
  return { ...(record as PurgeRecord), ...rest, cachesPurged: await caches }
}

/** Everything after the takedown. May be repeated, and run concurrently: by another call, or by a collection. */
export async function finishPurge(
  store: StoreContext,
  purged: Purged,
  options: DeletionOptions,
): Promise<Pick<PurgeReport, 'remaining' | 'remainingKeys' | 'uploads'>> {
  const { metadata } = store
  const { did, cid } = purged
  // Counted before the keys are listed: an upload that is refused later leaves a key that is not on the list.
  const uploads = await metadata.awaitUploads(did, cid)
  await releaseHolders(metadata, purged, options)
  await releaseMirror(metadata, purged)
  const deletion: Deletion = { keys: 0, remaining: [], remainingKeys: 0 }
  let page: PurgedKey[]
  let after = ''
  do {
    page = await metadata.purgedKeys(did, cid, { after, limit: sizes.keys })
    after = page.at(-1)?.key ?? after
    await deleteKeys(store, page, deletion, options)
  } while (page.length === sizes.keys)
  const { keys, ...rest } = deletion
  await metadata.endPurge(did, cid, { keys, complete: uploads === 0 && rest.remainingKeys === 0 })
  return { ...rest, uploads }
}

async function releaseHolders(metadata: Metadata, { did, cid }: Purged, { signal }: CallOptions): Promise<void> {
  let after: string | undefined = ''
  while (after !== undefined) {
    const holders: string[] = await metadata.purgedHolders(did, cid, { after, limit: sizes.holders })
    for (const holder of holders) {
      while (await metadata.releasePurged(holder, cid, { limit: sizes.references })) {
        await setImmediate()
        signal?.throwIfAborted()
      }
    }
    after = holders.at(-1)
  }
}

/** Also in a process without the mirror: then the purge is finished by one that has it. */
async function releaseMirror(metadata: Metadata, { did, cid }: Purged): Promise<void> {
  const mirror = await metadata.mirror()
  while (await mirror.doomPurged(did, cid, { limit: sizes.keys }));
}

/** Deletes keys before their delay is over. The delay protects readers and backups, which a purge gives up. */
async function deleteKeys(
  { metadata, backends }: StoreContext,
  doomed: readonly PurgedKey[],
  report: Deletion,
  options: DeletionOptions,
): Promise<void> {
  for (const [backend, some] of Map.groupBy(doomed, (one) => one.backend ?? '')) {
    const keys = some.map(({ key }) => key)
    const failures = await deleteBytes(backends, backend, keys, options)
    const gone = some.filter(({ key }) => !failures.has(key))
    // The other tombstones stay: a request may still write under their keys, and then another deletion follows.
    await metadata.forgetKeys(gone.filter(({ due }) => due))
    report.keys += gone.length
    report.remainingKeys += failures.size
    for (const [key, error] of failures) {
      if (report.remaining.length >= toldKeys) break
      report.remaining.push({ backend, key, error: printable(error.message, 300) })
    }
  }
}

async function purgeCaches(store: StoreContext, { did, cid }: Purged): Promise<boolean | null> {
  if (!store.hooks.onInaccessible) return null
  const told = notifyInaccessible(store, { did, cid, because: 'purged' })
  try {
    return await untilAborted(told, AbortSignal.timeout(hookPatience))
  } catch {
    store.logger.warn({ did, cid }, 'The hook onInaccessible takes long over a purge, which does not wait for it')
    return false
  }
}
