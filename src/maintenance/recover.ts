import { createHash } from 'node:crypto'
import type { BlobBackend, CallOptions } from '../backend/backend.ts'
import { cidOfKey } from '../backend/key.ts'
import { pagesOf } from '../backend/pages.ts'
import { type BlobCid, cidOfDigest } from '../blob/cid.ts'
import { assertDid } from '../blob/did.ts'
import { octetStream } from '../blob/mime.ts'
import { publicScope } from '../blob/scope.ts'
import type { Content } from '../metadata/care.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { readMarkerEpoch, writeEpoch } from '../store/identity.ts'

export interface RecoverOptions extends CallOptions {
  /**
   * Whose a blob is: the accounts of which the host knows (from its repositories, or a relay's) that they had it. Asked
   * for every CID that is stored, since the database may have forgotten the bytes, or one of the accounts that share
   * them. Accounts whose records expect it get it without being asked.
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
  /** Blobs that accounts got back. */
  adopted: number
  /** Forgotten ones that verified and are nobody's: the next sweep dooms them. */
  unclaimed: BlobCid[]
  /** Forgotten ones that could not be read, or did not verify. */
  damaged: number
}

/**
 * After the database was restored from the past, and with every other process stopped: gives bytes that it has
 * forgotten back to their accounts, then allows collecting and sweeping again. Deletes nothing.
 */
export async function recover(store: StoreContext, options: RecoverOptions = {}): Promise<RecoverReport> {
  assertOptions('recover', options, ['ownersOf', 'onProgress', 'signal'])
  const { backends, metadata } = store
  const report: RecoverReport = { keys: 0, adopted: 0, unclaimed: [], damaged: 0 }
  // The restore may have gone unnoticed: nothing may be deleted meanwhile.
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
    const { unknown, live } = await store.metadata.recoverableKeys(page.keys)
    for (const key of unknown) await recoverForgotten(store, backend, key, report, options)
    for (const key of live) await recoverShared(store, key, report, options)
    options.onProgress?.({ ...report })
  }
}

/** Bytes that no row knows. */
async function recoverForgotten(
  store: StoreContext,
  backend: BlobBackend,
  key: string,
  report: RecoverReport,
  options: RecoverOptions,
): Promise<void> {
  const cid = cidOfKey(key)
  const size = cid === null ? null : await verifiedSize(backend, key, cid, options.signal)
  if (cid === null || size === null) {
    report.damaged += 1
    return
  }
  const adopted = await adopt(store, { cid, key, backend: backend.name, size }, options)
  report.adopted += adopted
  if (adopted === 0) report.unclaimed.push(cid)
}

/** Bytes that a row knows, as some accounts' and perhaps not as all's. */
async function recoverShared(
  store: StoreContext,
  key: string,
  report: RecoverReport,
  options: RecoverOptions,
): Promise<void> {
  const cid = cidOfKey(key)
  const content = cid === null ? null : await store.metadata.contentOf(cid)
  if (content?.key === key) report.adopted += await adopt(store, content, options)
}

async function adopt(store: StoreContext, content: Content, { ownersOf }: RecoverOptions): Promise<number> {
  const { metadata, times } = store
  const { cid, size } = content
  const owners: readonly Owner[] = [...(await metadata.expecting(cid)), ...((await ownersOf?.(cid, size)) ?? [])]
  let adopted = 0
  for (const { did, mimeType = octetStream } of owners) {
    assertDid(did)
    const held = await metadata.resolve(did, cid, { as: 'moderator', scopes: [publicScope] })
    if (held && held.key === content.key) continue
    const found = { content, did, mimeType, grace: times.grace, deleteDelay: times.deleteDelay }
    if (await metadata.adopt(found)) adopted += 1
  }
  return adopted
}

/** The size of bytes that are what their key says, else null. One that cannot be read must not stop the rest. */
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
