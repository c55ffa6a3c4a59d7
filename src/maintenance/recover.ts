import { createHash } from 'node:crypto'
import type { CallOptions } from '../backend/backend.ts'
import { cidOfKey } from '../backend/key.ts'
import { type BlobCid, cidOfDigest } from '../blob/cid.ts'
import { octetStream } from '../blob/mime.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { readMarkerEpoch, writeEpoch } from '../store/identity.ts'

export interface RecoverOptions extends CallOptions {
  /**
   * Whose the bytes are that the restored database has forgotten: the accounts of which the host knows (from its
   * repositories, or a relay's) that they had the blob. Accounts whose records expect it get it without being asked.
   * @default nobody's
   */
  ownersOf?: ((cid: BlobCid, size: number) => Promise<readonly Owner[]>) | undefined
  /** Called after each page of keys. */
  onProgress?: ((report: RecoverReport) => void) | undefined
}

export interface Owner {
  did: string
  /** @default 'application/octet-stream' */
  mimeType?: string | undefined
}

export interface RecoverReport {
  /** Keys in the backend. */
  keys: number
  /** Forgotten ones that verified and found an owner. */
  adopted: number
  /** Forgotten ones that verified and are nobody's: the next sweep dooms them. */
  unclaimed: BlobCid[]
  /** Forgotten ones that did not verify. */
  damaged: number
}

/**
 * After the database was restored from the past, and with every other process stopped: gives bytes that it has
 * forgotten back to their accounts, then allows collecting and sweeping again. Deletes nothing.
 */
export async function recover(store: StoreContext, options: RecoverOptions = {}): Promise<RecoverReport> {
  assertOptions('recover', options, ['ownersOf', 'onProgress', 'signal'])
  const { backend, metadata } = store
  const report: RecoverReport = { keys: 0, adopted: 0, unclaimed: [], damaged: 0 }
  let cursor: string | undefined
  do {
    options.signal?.throwIfAborted()
    const page = await backend.list({ cursor, signal: options.signal })
    report.keys += page.keys.length
    for (const key of await metadata.unknownKeys(page.keys)) await recoverKey(store, key, report, options)
    options.onProgress?.({ ...report })
    cursor = page.cursor
  } while (cursor !== undefined)
  const { epoch } = await metadata.identity()
  const next = Math.max(epoch, await readMarkerEpoch(store)) + 1
  await metadata.clearRestored(next)
  await writeEpoch(store, next)
  store.epoch = next
  return report
}

async function recoverKey(
  store: StoreContext,
  key: string,
  report: RecoverReport,
  options: RecoverOptions,
): Promise<void> {
  const { metadata, backend, times } = store
  const cid = cidOfKey(key)
  const object = cid && (await backend.get(key, { signal: options.signal }))
  if (!object) return
  const { size } = object
  const hash = createHash('sha256')
  for await (const chunk of object.body) hash.update(chunk)
  if (cidOfDigest(hash.digest()) !== cid) {
    report.damaged += 1
    return
  }
  const owners: readonly Owner[] = [
    ...(await metadata.expecting(cid)),
    ...((await options.ownersOf?.(cid, size)) ?? []),
  ]
  const content = { cid, key, backend: backend.name, size }
  let adopted = false
  for (const { did, mimeType = octetStream } of owners) {
    const unusedDelay = times.deleteDelay
    if (await metadata.adopt({ content, did, mimeType, grace: times.grace, unusedDelay })) adopted = true
  }
  if (adopted) report.adopted += 1
  else report.unclaimed.push(cid)
}
