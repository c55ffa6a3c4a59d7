import type { BlobCid } from '../blob/cid.ts'
import { octetStream } from '../blob/mime.ts'
import type { Content } from '../metadata/contract/scrub.ts'
import { printable } from '../printable.ts'
import type { StoreContext } from '../store/context.ts'
import { finishMeeting } from '../store/meeting.ts'
import { inspect, notifyQuarantined } from '../store/upload/inspect.ts'
import { type FoundBytes, type FoundKey, verifiedAt } from './found-bytes.ts'
import type { BlobOwner, RecoverReport, Recovery } from './recovery.ts'
import { putCopy } from './replace.ts'

/**
 * Resolves with whether an owner has them now, or is kept from them by a moderator. The bytes are copied, because the
 * lost database may have doomed the key and its deletion may be running, so it must never become live. Nothing is
 * copied if the CID already has good bytes.
 */
export async function giveBack(
  recovery: Recovery,
  { backend, key }: FoundKey,
  { cid, size }: FoundBytes,
  owners: readonly BlobOwner[],
): Promise<boolean> {
  const { store, report, options } = recovery
  const { signal } = options
  const live = await store.metadata.contentOf(cid)
  const good = live && (await verifiedAt({ backend: store.backends.of(live.backend), key: live.key }, signal))
  if (live && good?.size === size) return adopt(recovery, live, owners)
  const open = async () => (await backend.get(key, { signal }))?.body
  const copied = await putCopy(store, { cid, size }, open, signal)
  if (copied === 'purged') return keptFrom(report, cid)
  if (typeof copied === 'string') return true // deleted or damaged at this moment: another run will report it
  const copy = { cid, size, key: copied.key, backend: store.backends.write.name }
  return adopt(recovery, copy, owners)
}

/** Whether an account has it, or only a moderator keeps it from one. */
export async function adopt(
  { store, report, options: { signal } }: Recovery,
  content: Content,
  owners: readonly BlobOwner[],
): Promise<boolean> {
  const { metadata, times } = store
  const { cid, size } = content
  let claimed = false
  for (const { did, mimeType = octetStream } of owners) {
    const quarantine = await verdictOn(store, content, { did, mimeType }, signal)
    const found = { content, did, mimeType, quarantine, grace: times.grace, deleteDelay: times.deleteDelay }
    const adoption = await metadata.adopt(found)
    claimed ||= adoption !== 'refused'
    if (adoption === 'adopted') {
      report.adopted += 1
      if (quarantine !== undefined) notifyQuarantined(store, { did, cid, mimeType, size, reason: quarantine })
      await finishMeeting(metadata, did, cid)
    }
    if (adoption !== 'taken down') continue
    keptFrom(report, cid)
    break
  }
  return claimed
}

/**
 * The verdict about the account's upload is forgotten with its blob, so the bytes are inspected again. What is refused
 * now, or cannot be inspected, is quarantined: it is neither lost nor shown.
 */
async function verdictOn(
  store: StoreContext,
  { cid, key, backend, size }: Content,
  { did, mimeType }: { did: string; mimeType: string },
  signal: AbortSignal = new AbortController().signal,
): Promise<string | undefined> {
  if (!store.hooks.inspect) return undefined
  if (await store.metadata.resolve(did, cid, { as: 'moderator', scope: null, trx: undefined })) return undefined
  async function* read(over: AbortSignal) {
    const object = await store.backends.of(backend).get(key, { signal: AbortSignal.any([signal, over]) })
    if (object) yield* object.body
  }
  try {
    return await inspect(store, { did, cid, mimeType, size, signal, read, again: true })
  } catch (error) {
    signal.throwIfAborted()
    return printable(error instanceof Error ? error.message : String(error), 999)
  }
}

/** Records that a moderator keeps the CID from its owners. */
function keptFrom(report: RecoverReport, cid: BlobCid): true {
  if (!report.takenDown.includes(cid)) report.takenDown.push(cid)
  return true
}
