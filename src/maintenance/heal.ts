import type { MirrorSteps } from '../metadata/contract/mirror.ts'
import type { Content } from '../metadata/contract/scrub.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { verifyIdentity } from '../store/identity.ts'
import type { Mirror } from '../store/mirror/mirror.ts'
import type { BlobSource } from '../store/upload/source.ts'
import { acceptLoss } from './accept-loss.ts'
import { mirrorOf } from './mirror.ts'
import { type Copy, mirroredCopies } from './mirrored-copies.ts'
import { replaceByCopy } from './replace.ts'
import { TransferJob, type TransferOptions, transferOptions } from './transfer-job.ts'

export interface HealOptions extends TransferOptions<HealReport> {
  /**
   * Where else a copy may be: a backup, another server. It is asked for what the mirror does not have, and verified. `key`
   * is the one under which the backend had the bytes, and a backup of the backend has them.
   * @default only the mirror
   */
  copyOf?: ((cid: string, key: string) => Promise<BlobSource | undefined>) | undefined
}

export interface HealFinding {
  cid: string
  key: string
  /** `lost`: neither the backend nor any copy has the bytes; `failed`: something is down, call it again. */
  problem: 'lost' | 'failed'
  error?: Error
}

export interface HealReport {
  /** Objects examined, and how many there were at the beginning. */
  examined: number
  objects: number
  /** Objects that the backend still had; of those, none was read: `scrub` does that. */
  there: number
  /** Objects brought back (in a dry run: that are missing), and their bytes. */
  healed: number
  bytes: number
  findings: HealFinding[]
}

const pageSize = 100

/**
 * After the loss of a backend: brings back every object that is missing, from the mirror. Each is verified by its hash,
 * stored under a new key, and switched in one transaction.
 */
export async function heal(store: StoreContext, options: HealOptions = {}): Promise<HealReport> {
  assertOptions('heal', options, ['copyOf', ...transferOptions])
  const report: HealReport = { examined: 0, objects: 0, there: 0, healed: 0, bytes: 0, findings: [] }
  const job = new TransferJob('heal', report, { ...options, onFinding })
  const mirror = options.copyOf && !store.backends.mirror ? undefined : mirrorOf(store, 'heal')
  const sources = { mirror, steps: await store.metadata.mirror(), copyOf: options.copyOf }
  if (!job.dryRun) {
    await acceptLoss(store, { elsewhere: options.copyOf !== undefined, signal: options.signal })
    store.epoch = await verifyIdentity(store)
  }
  report.objects = (await store.metadata.stats()).storedCount
  let after = ''
  while (true) {
    const page = await store.metadata.contents({ after, limit: pageSize })
    const last = page.at(-1)
    if (!last) return report
    await job.forEach(
      page,
      (content) => healOne(store, content, job, sources),
      ({ cid, key }, error) => ({ cid, key, problem: 'failed', error }),
    )
    after = last.cid
  }

  function onFinding(finding: HealFinding): void {
    const { error, ...what } = finding
    store.logger.error({ ...what, err: error }, 'Lost bytes could not be brought back')
    options.onFinding?.(finding)
  }
}

interface Sources {
  mirror: Mirror | undefined
  steps: MirrorSteps
  copyOf: HealOptions['copyOf']
}

async function healOne(
  store: StoreContext,
  content: Content,
  job: TransferJob<HealReport>,
  { mirror, steps, copyOf }: Sources,
): Promise<void> {
  const { report, signal } = job
  const { cid, key, backend, size } = content
  if (await store.backends.of(backend).has(key, { signal })) {
    report.there += 1
    return
  }
  if (job.dryRun) {
    report.healed += 1
    report.bytes += size
    return
  }
  await job.wait(size)
  for await (const { open, forget } of copiesOf()) {
    const outcome = await replaceByCopy(store, content, open, signal)
    if (outcome === 'superseded') return
    if (outcome === 'replaced') {
      report.healed += 1
      report.bytes += size
      return
    }
    await forget?.()
  }
  if (await store.metadata.markDamaged(cid, key)) job.found({ cid, key, problem: 'lost' })

  async function* copiesOf(): AsyncGenerator<Copy> {
    if (mirror) yield* mirroredCopies(mirror, steps, cid, signal)
    if (copyOf) yield { open: () => copyOf(cid, key) }
  }
}
