import type { BlobBackend, CallOptions } from '../backend/backend.ts'
import { untilAborted } from '../backend/until-aborted.ts'
import type { MirrorLag } from '../metadata/contract/mirror.ts'
import type { Metadata } from '../metadata/metadata.ts'
import { assertDelay, assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import type { Mirror } from '../store/mirror/mirror.ts'
import type { JanitorRuns } from './janitor-runs.ts'

export interface HealthOptions extends CallOptions {
  /** How long each backend and the database may take to answer, in milliseconds. @default 5000 */
  timeout?: number | undefined
}

/** So that a health check takes milliseconds while a large store is copied for the first time. */
const mostCounted = 10_000

/** Whether something answered. */
export interface Health {
  ok: boolean
  /** How long it took to answer, or to fail. */
  milliseconds: number
  /** Why it is not `ok`, for operators: it may name hosts. Null if it is. */
  error: string | null
}

export interface BackendHealth extends Health {
  /** How many bytes more it can take, about; null if it does not know, as S3. */
  freeBytes: number | null
}

export interface MirrorHealth extends BackendHealth {
  /**
   * What is not in the mirror yet, counted up to 10,000 objects, and for how long the oldest has waited, in
   * milliseconds. Null if the database did not answer.
   */
  lag: MirrorLag | null
  /** How many reads of this process the mirror has served, because the backend had lost the bytes. */
  reads: number
}

export interface StoreHealth {
  /** Whether the database and all backends answered. */
  ok: boolean
  database: Health
  /** By their names. */
  backends: Record<string, BackendHealth>
  /** Null if the store has none. The store works without it, so it does not count for `ok`. */
  mirror: MirrorHealth | null
  /** Whether the database was restored from a backup, so that nothing is deleted until `recover`; null if unknown. */
  restored: boolean | null
  /** When a backup was last marked, by `backup` or `markBackup`; null for never, or if unknown. */
  backedUpAt: Date | null
  /** The last runs of this process's janitor, each null before its first; null if it has no janitor. */
  janitor: JanitorRuns | null
}

export async function health(
  { backends, metadata }: StoreContext,
  janitor: JanitorRuns | null,
  options: HealthOptions = {},
): Promise<StoreHealth> {
  assertOptions('health', options, ['timeout', 'signal'])
  const { timeout = 5000, signal } = options
  assertDelay('health: timeout', timeout, 1)
  signal?.throwIfAborted()
  const deadline = AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])])
  const [database, mirror, ...all] = await Promise.all([
    answered(() => metadata.condition(), deadline),
    mirrorHealth(backends.mirror, metadata, deadline),
    ...backends.all.map((backend) => answered(() => ask(backend, deadline), deadline)),
  ])
  signal?.throwIfAborted()
  const { result: condition, ...ofDatabase } = database
  const named = backends.all.map(({ name }, at) => {
    const { result, ...one } = all[at] as Answer<number | null>
    return [name, { ...one, freeBytes: result ?? null }] as const
  })
  return {
    ok: [database, ...all].every(({ ok }) => ok),
    database: ofDatabase,
    backends: Object.fromEntries(named),
    mirror,
    restored: condition?.restored ?? null,
    backedUpAt: condition && condition.backedUpAt !== null ? new Date(condition.backedUpAt) : null,
    janitor: janitor && { ...janitor },
  }
}

async function mirrorHealth(
  mirror: Mirror | undefined,
  metadata: Metadata,
  deadline: AbortSignal,
): Promise<MirrorHealth | null> {
  if (!mirror) return null
  const [{ result: freeBytes = null, ...one }, lag] = await Promise.all([
    answered(async () => ask(await mirror.openToWrite(), deadline), deadline),
    answered(async () => (await metadata.mirror()).lag({ most: mostCounted }), deadline),
  ])
  return { ...one, freeBytes, lag: lag.result ?? null, reads: mirror.reads }
}

type Answer<T> = Health & { result?: T }

/** Reading the marker is the smallest call that every backend has to answer from where the bytes are. */
async function ask(backend: BlobBackend, signal: AbortSignal): Promise<number | null> {
  if ((await backend.readMarker({ signal })) === null) throw new Error('Its marker is missing: is it the right place?')
  return backend.freeBytes ? backend.freeBytes({ signal }) : null
}

async function answered<T>(work: () => Promise<T>, deadline: AbortSignal): Promise<Answer<T>> {
  const begin = performance.now()
  const milliseconds = () => Math.round(performance.now() - begin)
  try {
    const result = await untilAborted(work(), deadline)
    return { ok: true, milliseconds: milliseconds(), error: null, result }
  } catch (error) {
    const isLate = error === deadline.reason
    const message = isLate ? 'It did not answer in time' : error instanceof Error ? error.message : String(error)
    return { ok: false, milliseconds: milliseconds(), error: message }
  }
}
