import pLimit from 'p-limit'
import type { CallOptions } from '../backend/backend.ts'
import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { BackendUse } from '../metadata/contract/processes.ts'
import type { Content } from '../metadata/contract/scrub.ts'

import { assertOptions, assertWhole } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { Pace } from './pace.ts'
import { replaceByCopy } from './replace.ts'

export interface MigrateOptions extends CallOptions {
  /** Moves what is in these. @default every backend but the one that is written to */
  from?: readonly string[] | undefined
  /** How many are copied at once. @default 4 */
  concurrency?: number | undefined
  /** Copies no more than so many bytes a second on the average. @default as fast as it can */
  bytesPerSecond?: number | undefined
  /** Only counts what would move. @default false */
  dryRun?: boolean | undefined
  /** Told of each blob whose bytes could not be moved, as it is found. */
  onFinding?: ((finding: MigrateFinding) => void) | undefined
  /** Called after each object. */
  onProgress?: ((report: MigrateReport) => void) | undefined
}

export interface MigrateFinding {
  cid: string
  key: string
  backend: string
  /** `failed`: a backend or the database failed; calling again tries again. The others are for scrub and its copies. */
  problem: 'missing' | 'damaged' | 'failed'
  error?: Error
}

export interface MigrateReport {
  /** Objects looked at, wherever they are; and how many there were at the beginning. */
  examined: number
  objects: number
  /** Objects moved, or that would be in a dry run, and their bytes. */
  moved: number
  bytes: number
  /** Objects that were replaced or deleted while they were copied, or whose copy took longer than its lease: run it again. */
  superseded: number
  findings: MigrateFinding[]
  /** What keeps the old backends in use. One of which nothing does may be left out from now on. Empty in a dry run. */
  use: Record<string, BackendUse>
}

const pageSize = 100
/** So many in a row fail only when something is down. */
const patience = 20

export async function migrate(store: StoreContext, options: MigrateOptions = {}): Promise<MigrateReport> {
  const known = ['from', 'concurrency', 'bytesPerSecond', 'dryRun', 'onFinding', 'onProgress', 'signal']
  assertOptions('migrate', options, known)
  const { concurrency = 4, bytesPerSecond } = options
  assertWhole('migrate: concurrency', concurrency, 1)
  if (bytesPerSecond !== undefined) assertWhole('migrate: bytesPerSecond', bytesPerSecond, 1)
  const move = new Move(store, sourcesOf(store, options.from), options)
  const limit = pLimit(concurrency)

  const { storedCount } = await store.metadata.stats()
  move.report.objects = storedCount
  let after = ''
  while (true) {
    const page = await store.metadata.contents({ after, limit: pageSize })
    // All have ended before the call settles: nothing goes on in the background.
    const ended = await Promise.allSettled(page.map((content) => limit(() => move.one(content))))
    for (const one of ended) if (one.status === 'rejected') throw one.reason
    const last = page.at(-1)
    if (!last) break
    after = last.cid
  }
  if (!options.dryRun) {
    for (const name of move.from) move.report.use[name] = await store.metadata.retireBackend(name)
  }
  return move.report
}

class Move {
  readonly from: ReadonlySet<string>
  readonly report: MigrateReport = {
    examined: 0,
    objects: 0,
    moved: 0,
    bytes: 0,
    superseded: 0,
    findings: [],
    use: {},
  }
  readonly #store: StoreContext
  readonly #options: MigrateOptions
  readonly #pace: Pace
  #failedInARow = 0
  #gaveUp: unknown

  constructor(store: StoreContext, from: ReadonlySet<string>, options: MigrateOptions) {
    this.#store = store
    this.from = from
    this.#options = options
    this.#pace = new Pace(options.bytesPerSecond)
  }

  async one(content: Content): Promise<void> {
    const { signal, dryRun, onProgress } = this.#options
    signal?.throwIfAborted()
    if (this.#gaveUp) throw this.#gaveUp
    if (this.from.has(content.backend)) {
      if (dryRun) this.#moved(content)
      else await this.#attempt(content)
    }
    this.report.examined += 1
    onProgress?.({ ...this.report })
  }

  async #attempt(content: Content): Promise<void> {
    const { signal } = this.#options
    try {
      await this.#pace.wait(content.size, signal)
      const open = async () => (await this.#store.backends.of(content.backend).get(content.key, { signal }))?.body
      const outcome = await replaceByCopy(this.#store, content, open, signal)
      if (outcome === 'replaced') this.#moved(content)
      else if (outcome === 'superseded') this.report.superseded += 1
      else await this.#damaged(content, outcome === 'missing' ? 'missing' : 'damaged')
      this.#failedInARow = 0
    } catch (error) {
      signal?.throwIfAborted()
      if (isBlobStoreError(error, 'BlobDamaged')) return this.#damaged(content, 'damaged')
      if (!(error instanceof Error) || ++this.#failedInARow >= patience) {
        this.#gaveUp = error
        throw error
      }
      this.#found({ ...placeOf(content), problem: 'failed', error })
    }
  }

  #moved({ size }: Content): void {
    this.report.moved += 1
    this.report.bytes += size
  }

  /** Unless its bytes were replaced, and these deleted, since the row was read. */
  async #damaged(content: Content, problem: 'missing' | 'damaged'): Promise<void> {
    const isLive = await this.#store.metadata.markDamaged(content.cid, content.key)
    if (isLive) this.#found({ ...placeOf(content), problem })
    else this.report.superseded += 1
  }

  #found(finding: MigrateFinding): void {
    const { error, ...what } = finding
    this.#store.logger.error({ ...what, err: error }, 'Bytes could not be moved to another backend')
    this.report.findings.push(finding)
    this.#options.onFinding?.(finding)
  }
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
