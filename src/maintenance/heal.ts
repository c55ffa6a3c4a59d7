import type { Content } from '../metadata/contract/scrub.ts'
import { assertOptions, invalidArgument } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { verifyIdentity } from '../store/identity.ts'
import { acceptLoss } from './accept-loss.ts'
import { type CopyOf, copiesOf } from './copies.ts'
import { mirrorOf } from './mirror.ts'
import type { Copy } from './mirrored-copies.ts'
import { replaceByCopy } from './replace.ts'
import { TransferJob, type TransferOptions, transferOptions } from './transfer-job.ts'

export interface HealOptions extends TransferOptions<HealReport> {
  /**
   * Where else a copy may be: a backup, another server. It is asked for what the mirror does not have, and verified. `key`
   * is the one under which the backend had the bytes, and a backup of the backend has them.
   * @default only the mirror
   */
  copyOf?: CopyOf | undefined
  /**
   * Goes on with a backend that has lost its marker even if there is no copy of what was in it. Without it `heal` refuses:
   * perhaps nothing is lost, and its disk is only not mounted. @default false
   */
  acceptLoss?: boolean | undefined
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
  assertOptions('heal', options, ['copyOf', 'acceptLoss', ...transferOptions])
  const report: HealReport = { examined: 0, objects: 0, there: 0, healed: 0, bytes: 0, findings: [] }
  const job = new TransferJob('heal', report, { ...options, onFinding })
  const { copyOf, signal, acceptLoss: isAccepted = false } = options
  if (typeof isAccepted !== 'boolean') throw invalidArgument('heal: acceptLoss', 'expected true or false')
  if (!copyOf && !isAccepted) mirrorOf(store, 'heal')
  if (!job.dryRun) {
    await acceptLoss(store, options)
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
      (content) => healOne(store, content, job, copiesFor(content)),
      ({ cid, key }, error) => ({ cid, key, problem: 'failed', error }),
    )
    after = last.cid
  }

  /** At last what the store itself still has: bytes of an upload, doomed because they seemed to be there already. */
  async function* copiesFor(content: Content): AsyncGenerator<Copy> {
    yield* copiesOf(store, content, { copyOf, signal })
    for (const { key, backend } of await store.metadata.doomedCopies(content.cid)) {
      yield { open: async () => (await store.backends.of(backend).get(key, { signal }))?.body }
    }
  }

  function onFinding(finding: HealFinding): void {
    const { error, ...what } = finding
    store.logger.error({ ...what, err: error }, 'Lost bytes could not be brought back')
    options.onFinding?.(finding)
  }
}

async function healOne(
  store: StoreContext,
  content: Content,
  job: TransferJob<HealReport>,
  copies: AsyncIterable<Copy>,
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
  let failure: { error: unknown } | undefined
  for await (const { open, forget } of copies) {
    try {
      const outcome = await replaceByCopy(store, content, open, signal)
      if (outcome === 'superseded') return
      if (outcome === 'replaced') {
        report.healed += 1
        report.bytes += size
        return
      }
      await forget?.()
    } catch (error) {
      signal?.throwIfAborted()
      failure ??= { error } // a place that is down, or a disk that cannot be read: the next copy may be good
    }
  }
  if (failure) throw failure.error
  if (await store.metadata.markDamaged(cid, key)) job.found({ cid, key, problem: 'lost' })
}
