import type { CallOptions } from '../backend/backend.ts'
import { isLastingFailure } from '../backend/lasting-failure.ts'
import { cidOfStream } from '../blob/cid.ts'
import { isBlobStoreError } from '../errors.ts'
import type { Content } from '../metadata/contract/scrub.ts'
import type { AccountUsage } from '../metadata/types.ts'
import { assertOptions, assertWhole } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { type CopyOf, copiesOf } from './copies.ts'
import { Pace } from './pace.ts'
import { type OpenCopy, replaceByCopy } from './replace.ts'

export interface ScrubOptions extends CallOptions {
  /** Examines only what was not verified within so many milliseconds. @default 2_592_000_000 (30 days) */
  olderThan?: number | undefined
  /** Continues after this CID: the `cursor` of a scrub that was stopped. @default from the start */
  cursor?: string | undefined
  /** Examines at most so many objects, then stops with a cursor. @default all */
  limit?: number | undefined
  /** Reads at most so many bytes a second on average. @default no limit */
  bytesPerSecond?: number | undefined
  /**
   * A healthy copy of damaged or missing bytes, from a backup or another server, for what the store's mirror does not
   * have. It is verified, stored under a new key, and replaces the old bytes, which are kept for the delete delay. `key`
   * is the one under which the backend should have the bytes, and a backup of the backend has them.
   * @default none: without a mirror the next upload of the CID repairs it
   */
  copyOf?: CopyOf | undefined
  /** Called with each finding, at once. */
  onFinding?: ((finding: ScrubFinding) => void) | undefined
  /** Called after each object. */
  onProgress?: ((report: ScrubReport) => void) | undefined
}

export interface ScrubFinding {
  cid: string
  key: string
  /**
   * `unreadable`: the backend failed; the state of the bytes is unknown. A copy replaces them if no retry helps, as at a
   * bad sector.
   */
  problem: 'missing' | 'wrongSize' | 'wrongHash' | 'unreadable'
  repaired: boolean
}

export interface ScrubReport {
  /** Objects and bytes examined. */
  objects: number
  bytes: number
  findings: ScrubFinding[]
  /** Accounts whose counters were wrong, and are corrected now. Only when the scrub reached its end. */
  recounted: { did: string; said: AccountUsage; counted: AccountUsage }[]
  /** Where to continue; absent when it reached its end. */
  cursor?: string
}

const pageSize = 100

/**
 * Reads and hashes stored bytes. Damage is recorded, so that the next upload of the CID repairs it; until then the
 * damaged bytes are kept. What is good counts as verified. Then the accounts are recounted.
 */
export async function scrub(store: StoreContext, options: ScrubOptions = {}): Promise<ScrubReport> {
  const known = ['olderThan', 'cursor', 'limit', 'bytesPerSecond', 'copyOf', 'onFinding', 'onProgress', 'signal']
  assertOptions('scrub', options, known)
  const { olderThan = 30 * 86_400_000, limit = Number.MAX_SAFE_INTEGER, bytesPerSecond, signal } = options
  assertWhole('scrub: olderThan', olderThan, 0)
  assertWhole('scrub: limit', limit, 1)
  if (bytesPerSecond !== undefined) assertWhole('scrub: bytesPerSecond', bytesPerSecond, 1)

  const report: ScrubReport = { objects: 0, bytes: 0, findings: [], recounted: [] }
  const pace = new Pace(bytesPerSecond)
  let after = options.cursor ?? ''
  while (true) {
    const page = await store.metadata.contents({ after, limit: Math.min(pageSize, limit - report.objects), olderThan })
    for (const content of page) {
      signal?.throwIfAborted()
      await examine(store, content, report, options)
      after = content.cid
      options.onProgress?.({ ...report })
      await pace.wait(content.size, signal)
    }
    if (page.length === 0) break
    if (report.objects >= limit) return { ...report, cursor: after }
  }
  await recountAll(store, report, signal)
  return report
}

async function examine(
  store: StoreContext,
  content: Content,
  report: ScrubReport,
  options: ScrubOptions,
): Promise<void> {
  const { metadata } = store
  const { cid, key } = content
  report.objects += 1
  report.bytes += content.size
  const found = await problemOf(store, content, options.signal)
  if (found === null) {
    await metadata.markVerified(cid, key)
    return
  }
  const { problem, passes } = found
  // Other bytes may have replaced these since the row was read. What cannot be read is not marked: it may be fine.
  if (problem !== 'unreadable' && !(await metadata.markDamaged(cid, key))) return
  const repaired = !passes && (await isRepaired(store, content, options))
  const finding: ScrubFinding = { cid, key, problem, repaired }
  report.findings.push(finding)
  store.logger.error({ ...finding }, 'Scrubbing found damage')
  options.onFinding?.(finding)
}

async function isRepaired(store: StoreContext, content: Content, { copyOf, signal }: ScrubOptions): Promise<boolean> {
  for await (const { open, forget } of copiesOf(store, content, { copyOf, signal })) {
    if (await replaces(open, forget)) return true
  }
  return false

  /** One bad copy, or a place that is down, must not keep another from being tried, nor stop the scrub. */
  async function replaces(open: OpenCopy, forget?: () => Promise<void>): Promise<boolean> {
    try {
      const outcome = await replaceByCopy(store, content, open, signal)
      if (outcome !== 'replaced' && outcome !== 'superseded') await forget?.()
      return outcome === 'replaced'
    } catch (error) {
      signal?.throwIfAborted()
      store.logger.error(
        { err: error, cid: content.cid },
        'A copy could not be read, or not be stored in place of damaged bytes',
      )
      return false
    }
  }
}

interface Problem {
  problem: ScrubFinding['problem']
  /** The backend is only overloaded or silent: nothing is to be repaired. */
  passes?: boolean
}

async function problemOf(
  { backends }: StoreContext,
  { cid, key, backend, size }: Content,
  signal: AbortSignal | undefined,
): Promise<Problem | null> {
  try {
    const object = await backends.of(backend).get(key, { signal })
    if (!object) return { problem: 'missing' }
    if (object.size !== size) {
      await object.body.return?.()
      return { problem: 'wrongSize' }
    }
    return (await cidOfStream(object.body)) === cid ? null : { problem: 'wrongHash' }
  } catch (error) {
    signal?.throwIfAborted()
    if (isBlobStoreError(error, 'BlobDamaged')) return { problem: 'wrongSize' }
    return { problem: 'unreadable', passes: !isLastingFailure(error) }
  }
}

async function recountAll({ metadata }: StoreContext, report: ScrubReport, signal?: AbortSignal): Promise<void> {
  let after = ''
  while (true) {
    const dids = await metadata.accounts({ after, limit: pageSize })
    for (const did of dids) {
      signal?.throwIfAborted()
      const { said, counted } = await metadata.recount(did)
      const wrong = (Object.keys(counted) as (keyof AccountUsage)[]).some((name) => said[name] !== counted[name])
      if (wrong) report.recounted.push({ did, said, counted })
      after = did
    }
    if (dids.length === 0) return
  }
}
