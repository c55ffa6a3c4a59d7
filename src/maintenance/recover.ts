import { createHash } from 'node:crypto'
import type { BlobBackend, CallOptions } from '../backend/backend.ts'
import { type BlobKey, cidOfKey } from '../backend/key.ts'
import { pagesOf } from '../backend/pages.ts'
import { type BlobCid, cidOfDigest } from '../blob/cid.ts'
import { assertDid } from '../blob/identifiers.ts'
import { octetStream } from '../blob/mime.ts'
import type { Content } from '../metadata/contract/scrub.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { readMarkerEpoch, writeEpoch } from '../store/identity.ts'
import { finishMeeting } from '../store/meeting.ts'
import { putCopy } from './replace.ts'

export interface RecoverOptions extends CallOptions {
  /**
   * The owners of a blob: the accounts that had it, as the host knows from its repositories, or a relay's. Called for
   * every stored CID, because the database may have forgotten the bytes, or one of the accounts that share them. A
   * record that names a CID gives its account nothing, because anybody can write such a record.
   * @default none
   */
  ownersOf?: ((cid: BlobCid, size: number) => Promise<readonly BlobOwner[]>) | undefined
  /** Called after each page of keys. */
  onProgress?: ((report: RecoverReport) => void) | undefined
}

export interface BlobOwner {
  did: string
  /** @default the type in its records that wait for the blob, otherwise 'application/octet-stream' */
  mimeType?: string | undefined
}

export interface RecoverReport {
  /** Keys in the backend. */
  keys: number
  /** Blobs given back to accounts. */
  adopted: number
  /** Forgotten ones that verified and have no owner: the next sweep dooms them. */
  unclaimed: BlobCid[]
  /**
   * Those that have owners and were given to none, because a moderator took the CID down for some account. To bring one
   * back, call `reverseTakedown` first, then recover again. What is purged for all is not even copied.
   */
  takenDown: BlobCid[]
  /** Forgotten ones that could not be read, or did not verify. */
  damaged: number
}

/**
 * After the database was restored from an older state, and with every other process stopped: gives bytes that it has
 * forgotten back to their accounts, then allows collecting and sweeping again. Deletes nothing. What a sweep has doomed
 * meanwhile is given back too, as long as its bytes are there.
 */
export async function recover(store: StoreContext, options: RecoverOptions = {}): Promise<RecoverReport> {
  assertOptions('recover', options, ['ownersOf', 'onProgress', 'signal'])
  const { backends, metadata } = store
  const report: RecoverReport = { keys: 0, adopted: 0, unclaimed: [], takenDown: [], damaged: 0 }
  // The restore may not have been noticed: nothing may be deleted meanwhile.
  await metadata.markRestored()
  for (const backend of backends.all) await recoverFrom(store, backend, report, options)
  const { epoch } = await metadata.identity()
  await metadata.clearRestored(Math.max(epoch, await readMarkerEpoch(store)) + 1)
  store.epoch = await writeEpoch(store)
  return report
}

async function recoverFrom(
  store: StoreContext,
  backend: BlobBackend,
  report: RecoverReport,
  options: RecoverOptions,
): Promise<void> {
  for await (const page of pagesOf(backend, { signal: options.signal })) {
    report.keys += page.keys.length
    const { unknown, live, doomed } = await store.metadata.recoverableKeys(page.keys)
    for (const key of unknown) await recoverForgotten(store, { backend, key, report, options })
    for (const key of live) await recoverShared(store, { key, report, options })
    if (options.ownersOf) for (const key of doomed) await recoverDoomed(store, { backend, key, report, options })
    options.onProgress?.({ ...report })
  }
}

interface Candidate {
  backend: BlobBackend
  key: BlobKey
  report: RecoverReport
  options: RecoverOptions
}

/** Bytes that no row knows. */
async function recoverForgotten(store: StoreContext, candidate: Candidate): Promise<void> {
  const found = await verifiedAt(candidate)
  if (found === null) {
    candidate.report.damaged += 1
    return
  }
  const owners = await ownersOf(candidate.options, found)
  if (owners.length > 0 && (await giveBack(store, candidate, found, owners))) return
  // A second copy of live content is no loss: an earlier run left it, or an upload that was superseded.
  if ((await store.metadata.contentOf(found.cid)) === null) candidate.report.unclaimed.push(found.cid)
}

/**
 * Doomed bytes, perhaps doomed because a sweep of the restored database took them for orphans. Most are rightly doomed,
 * so only those that have an owner are read.
 */
async function recoverDoomed(store: StoreContext, candidate: Candidate): Promise<void> {
  const cid = cidOfKey(candidate.key)
  const size = await sizeAt(candidate)
  if (cid === null || size === null) return
  const owners = await ownersOf(candidate.options, { cid, size })
  const found = owners.length > 0 ? await verifiedAt(candidate) : null
  if (found !== null) await giveBack(store, candidate, found, owners)
}

/** Bytes that a row knows for some accounts, but perhaps not for all. */
async function recoverShared(store: StoreContext, { key, report, options }: Omit<Candidate, 'backend'>): Promise<void> {
  const cid = cidOfKey(key)
  const content = cid === null ? null : await store.metadata.contentOf(cid)
  if (content?.key === key) await adopt(store, content, await ownersOf(options, content), report)
}

/** The key of bytes, and their size. */
interface Found {
  cid: BlobCid
  size: number
}

/**
 * Resolves with whether an owner has them now, or is kept from them by a moderator. The bytes are copied, because the
 * lost database may have doomed the key and its deletion may be running, so it must never become live. Nothing is
 * copied if the CID already has good bytes.
 */
async function giveBack(
  store: StoreContext,
  { backend, key, report, options: { signal } }: Candidate,
  { cid, size }: Found,
  owners: readonly BlobOwner[],
): Promise<boolean> {
  const live = await store.metadata.contentOf(cid)
  if (live && (await verifiedSize(store.backends.of(live.backend), live.key, cid, signal)) === size) {
    return adopt(store, live, owners, report)
  }
  const open = async () => (await backend.get(key, { signal }))?.body
  const copied = await putCopy(store, { cid, size }, open, signal)
  if (copied === 'purged') return keptFrom(report, cid)
  if (typeof copied === 'string') return true // deleted or damaged at this moment: another run will report it
  return adopt(store, { cid, size, key: copied.key, backend: store.backends.write.name }, owners, report)
}

async function ownersOf({ ownersOf: ask }: RecoverOptions, { cid, size }: Found): Promise<readonly BlobOwner[]> {
  const owners = (await ask?.(cid, size)) ?? []
  for (const { did } of owners) assertDid(did)
  return owners
}

/** Whether an account has it, or only a moderator keeps it from one. */
async function adopt(
  { metadata, times }: StoreContext,
  content: Content,
  owners: readonly BlobOwner[],
  report: RecoverReport,
): Promise<boolean> {
  let claimed = false
  for (const { did, mimeType = octetStream } of owners) {
    const found = { content, did, mimeType, grace: times.grace, deleteDelay: times.deleteDelay }
    const adoption = await metadata.adopt(found)
    claimed ||= adoption !== 'refused'
    if (adoption === 'adopted') {
      report.adopted += 1
      await finishMeeting(metadata, did, content.cid)
    }
    if (adoption !== 'taken down') continue
    keptFrom(report, content.cid)
    break
  }
  return claimed
}

/** Records that a moderator keeps the CID from its owners. */
function keptFrom(report: RecoverReport, cid: BlobCid): true {
  if (!report.takenDown.includes(cid)) report.takenDown.push(cid)
  return true
}

/** The size without reading the bytes; null if they are gone or cannot be opened. */
async function sizeAt({ backend, key, options: { signal } }: Candidate): Promise<number | null> {
  try {
    const object = await backend.get(key, { signal })
    await object?.body.return?.()
    return object?.size ?? null
  } catch {
    signal?.throwIfAborted()
    return null
  }
}

async function verifiedAt({ backend, key, options }: Candidate): Promise<Found | null> {
  const cid = cidOfKey(key)
  const size = cid === null ? null : await verifiedSize(backend, key, cid, options.signal)
  return cid === null || size === null ? null : { cid, size }
}

/** The size of bytes that match their key, otherwise null. Unreadable bytes must not stop the rest. */
async function verifiedSize(
  backend: BlobBackend,
  key: string,
  cid: BlobCid,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  try {
    const object = await backend.get(key, { signal })
    if (!object) return null
    const hash = createHash('sha256')
    for await (const chunk of object.body) hash.update(chunk)
    return cidOfDigest(hash.digest()) === cid ? object.size : null
  } catch {
    signal?.throwIfAborted()
    return null
  }
}
