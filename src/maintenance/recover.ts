import type { BlobBackend } from '../backend/backend.ts'
import { type BlobKey, cidOfKey } from '../backend/key.ts'
import { pagesOf } from '../backend/pages.ts'
import { assertDid } from '../blob/identifiers.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { writeEpoch } from '../store/identity.ts'
import { newestOf, readMarkers } from '../store/marker.ts'
import type { Mirror } from '../store/mirror/mirror.ts'
import { bytesAt, type FoundBytes, type FoundKey, verifiedAt } from './found-bytes.ts'
import { adopt, giveBack } from './give-back.ts'
import type { BlobOwner, RecoverOptions, RecoverReport, Recovery } from './recovery.ts'

/**
 * After the database was restored from an older state, and with every other process stopped: gives bytes that it has
 * forgotten back to their accounts, then allows collecting and sweeping again. Deletes nothing. What a sweep has doomed
 * meanwhile is given back too, as long as its bytes are there.
 */
export async function recover(store: StoreContext, options: RecoverOptions = {}): Promise<RecoverReport> {
  assertOptions('recover', options, ['ownersOf', 'onProgress', 'signal'])
  const { backends, metadata } = store
  const report: RecoverReport = { keys: 0, adopted: 0, unclaimed: [], takenDown: [], damaged: 0 }
  const recovery: Recovery = { store, report, options }
  // The restore may not have been noticed: nothing may be deleted meanwhile.
  await metadata.markRestored()
  for (const backend of backends.all) await recoverFrom(recovery, backend)
  const { signal } = options
  const mirror = options.ownersOf ? await askMirror(store, signal, (one) => one.open({ signal })) : null
  if (mirror) await recoverFromMirror(recovery, mirror)
  const { epoch } = await metadata.identity()
  // A mirror that is ahead would show the database as restored again. One that is down does so when it is back.
  const ofMirror = await askMirror(store, signal, (one) => one.readEpoch({ signal }))
  const ahead = Math.max(epoch, newestOf((await readMarkers(backends)).values()), ofMirror ?? 0)
  await metadata.clearRestored(ahead + 1)
  store.epoch = await writeEpoch(store)
  return report
}

/** Null if there is no mirror, or if it is down: that must not keep the store from collecting. */
async function askMirror<T>(
  { backends: { mirror }, logger }: StoreContext,
  signal: AbortSignal | undefined,
  ask: (mirror: Mirror) => Promise<T>,
): Promise<T | null> {
  if (!mirror) return null
  try {
    return await ask(mirror)
  } catch (error) {
    signal?.throwIfAborted()
    logger.warn(
      { err: error },
      'The mirror does not answer: recover once more with it, if it has what is lost, or if it is newer than the database',
    )
    return null
  }
}

async function recoverFrom(recovery: Recovery, backend: BlobBackend): Promise<void> {
  const { store, report, options } = recovery
  for await (const page of pagesOf(backend, { signal: options.signal })) {
    report.keys += page.keys.length
    const { unknown, live, doomed } = await store.metadata.recoverableKeys(page.keys)
    for (const key of unknown) await recoverForgotten(recovery, { backend, key })
    for (const key of live) await recoverShared(recovery, key)
    if (options.ownersOf) for (const key of doomed) await recoverOwned(recovery, { backend, key })
    options.onProgress?.({ ...report })
  }
}

/**
 * What the backend has lost, or never had since it was restored with the database. Most of what the mirror holds beside
 * live content was deleted, so only what has an owner is read.
 */
async function recoverFromMirror(recovery: Recovery, backend: BlobBackend): Promise<void> {
  const { store, report, options } = recovery
  for await (const page of pagesOf(backend, { signal: options.signal })) {
    for (const key of page.keys) {
      const cid = cidOfKey(key)
      if (cid === null || (await store.metadata.contentOf(cid)) !== null) continue
      await recoverOwned(recovery, { backend, key })
    }
    options.onProgress?.({ ...report })
  }
}

/** Bytes that no row knows. */
async function recoverForgotten(recovery: Recovery, at: FoundKey): Promise<void> {
  const { store, report, options } = recovery
  const found = await verifiedAt(at, options.signal)
  if (found === null) {
    report.damaged += 1
    return
  }
  const owners = await ownersOf(options, found)
  if (owners.length > 0 && (await giveBack(recovery, at, found, owners))) return
  // A second copy of live content is no loss: an earlier run left it, or an upload that was superseded.
  if ((await store.metadata.contentOf(found.cid)) === null) report.unclaimed.push(found.cid)
}

/**
 * Doomed bytes, perhaps doomed because a sweep of the restored database took them for orphans; or those of the mirror.
 * Most are rightly doomed, so only those that have an owner are read.
 */
async function recoverOwned(recovery: Recovery, at: FoundKey): Promise<void> {
  const { signal } = recovery.options
  const said = await bytesAt(at, signal)
  const owners = said ? await ownersOf(recovery.options, said) : []
  if (said === null || owners.length === 0) return
  const found = await verifiedAt(at, signal)
  if (found !== null) await giveBack(recovery, at, found, owners)
  else if ((await recovery.store.metadata.contentOf(said.cid)) === null) recovery.report.damaged += 1
}

/** Bytes that a row knows for some accounts, but perhaps not for all. */
async function recoverShared(recovery: Recovery, key: BlobKey): Promise<void> {
  const cid = cidOfKey(key)
  const content = cid === null ? null : await recovery.store.metadata.contentOf(cid)
  if (content?.key === key) await adopt(recovery, content, await ownersOf(recovery.options, content))
}

async function ownersOf({ ownersOf: ask }: RecoverOptions, { cid, size }: FoundBytes): Promise<readonly BlobOwner[]> {
  const owners = (await ask?.(cid, size)) ?? []
  for (const { did } of owners) assertDid(did)
  return owners
}
