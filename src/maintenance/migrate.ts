import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { BackendUse } from '../metadata/contract/processes.ts'
import type { Content } from '../metadata/contract/scrub.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { replaceByCopy } from './replace.ts'
import { TransferJob, type TransferOptions, transferOptions } from './transfer-job.ts'

export interface MigrateOptions extends TransferOptions<MigrateReport> {
  /** The backends to move from. @default every backend except the one that is written to */
  from?: readonly string[] | undefined
}

export interface MigrateFinding {
  cid: string
  key: string
  backend: string
  /** `failed`: a backend or the database failed; call again to retry. The others are for scrub and its copies. */
  problem: 'missing' | 'damaged' | 'failed'
  error?: Error
}

export interface MigrateReport {
  /** Objects examined, wherever they are; and how many there were at the beginning. */
  examined: number
  objects: number
  /** Objects moved (in a dry run: that would be), and their bytes. */
  moved: number
  bytes: number
  /**
   * Objects that were replaced or deleted while they were copied, or whose copy took longer than its lease: run it
   * again.
   */
  superseded: number
  findings: MigrateFinding[]
  /**
   * What keeps the old backends in use. A backend that nothing uses may be left out from now on. Empty in a dry run.
   */
  use: Record<string, BackendUse>
}

const pageSize = 100

export async function migrate(store: StoreContext, options: MigrateOptions = {}): Promise<MigrateReport> {
  assertOptions('migrate', options, ['from', ...transferOptions])
  const from = sourcesOf(store, options.from)
  const job = new TransferJob('migrate', emptyReport(), { ...options, onFinding })
  const { report } = job

  const { storedCount } = await store.metadata.stats()
  report.objects = storedCount
  let after = ''
  while (true) {
    const page = await store.metadata.contents({ after, limit: pageSize })
    const last = page.at(-1)
    if (!last) break
    await job.forEach(page, one, (content, error) => ({ ...placeOf(content), problem: 'failed', error }))
    after = last.cid
  }
  if (!job.dryRun) {
    for (const name of from) report.use[name] = await store.metadata.retireBackend(name)
  }
  return report

  async function one(content: Content): Promise<void> {
    if (!from.has(content.backend)) return
    const outcome = job.dryRun ? 'replaced' : await move(store, content, job)
    if (outcome === 'superseded') report.superseded += 1
    else if (outcome !== 'replaced') job.found({ ...placeOf(content), problem: outcome })
    else {
      report.moved += 1
      report.bytes += content.size
    }
  }

  function onFinding(finding: MigrateFinding): void {
    const { error, ...what } = finding
    store.logger.error({ ...what, err: error }, 'Bytes could not be moved to another backend')
    options.onFinding?.(finding)
  }
}

function emptyReport(): MigrateReport {
  return { examined: 0, objects: 0, moved: 0, bytes: 0, superseded: 0, findings: [], use: {} }
}

async function move(
  store: StoreContext,
  content: Content,
  job: TransferJob<MigrateReport>,
): Promise<'replaced' | 'superseded' | 'missing' | 'damaged'> {
  const { cid, key, backend, size } = content
  const { signal } = job
  await job.wait(size)
  const open = async () => (await store.backends.of(backend).get(key, { signal }))?.body
  const outcome = await replaceByCopy(store, content, open, signal).catch((error: unknown) => {
    if (isBlobStoreError(error, 'BlobDamaged')) return 'damaged' as const
    throw error
  })
  if (outcome === 'replaced' || outcome === 'superseded') return outcome
  // Other bytes may have replaced these since the row was read.
  const isLive = await store.metadata.markDamaged(cid, key)
  if (!isLive) return 'superseded'
  return outcome === 'missing' ? 'missing' : 'damaged'
}

const placeOf = ({ cid, key, backend }: Content) => ({ cid, key, backend })

function sourcesOf({ backends }: StoreContext, from: readonly string[] | undefined): Set<string> {
  const to = backends.write.name
  if (from === undefined) return new Set(backends.names.filter((name) => name !== to))
  for (const name of from) {
    if (name !== to && backends.has(name)) continue
    const why = name === to ? 'it is the one that is written to' : `there are ${backends.names.join(', ')}`
    throw new BlobStoreError('InvalidArgument', `migrate: cannot move from ${name}: ${why}`)
  }
  return new Set(from)
}
