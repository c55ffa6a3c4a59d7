import type { StoreHealth } from '../maintenance/health.ts'
import type { StoreStats } from '../metadata/types.ts'
import type { TraceResult } from '../tracing/channels.ts'

/** A metric with its description; nothing if it has no samples. */
export function family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
}

/** A label's value. */
export const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`

export function gauges(
  jobs: ReadonlyMap<string, { endedAt: number; result: TraceResult }>,
  stats: StoreStats | undefined,
  health: StoreHealth | undefined,
): string[] {
  const result = (job: string, number: string) => jobs.get(job)?.result[number] as number | undefined
  const mirror = health?.mirror ?? undefined
  const ended = [...jobs].map(([job, { endedAt }]) => [`job="${job}"`, endedAt] as const)
  const backends = Object.entries(health?.backends ?? {}).map(
    ([name, one]) => [`backend=${quoted(name)}`, one] as const,
  )
  return [
    ...gauge('blobstore_up', 'Whether the database and all backends answered', Number(health?.ok ?? false)),
    ...gauge('blobstore_database_up', 'Whether the database answered', health && Number(health.database.ok)),
    ...labelled(
      'blobstore_backend_up',
      'Whether the backend answered',
      backends.map(([labels, { ok }]) => [labels, Number(ok)]),
    ),
    ...labelled(
      'blobstore_backend_free_bytes',
      'How many bytes more it can take',
      backends.flatMap(([labels, { freeBytes }]) => (freeBytes === null ? [] : [[labels, freeBytes] as const])),
    ),
    ...gauge('blobstore_mirror_up', 'Whether the mirror answered', mirror && Number(mirror.ok)),
    ...gauge(
      'blobstore_mirror_lag_objects',
      'Objects that are not in the mirror yet, counted up to 10000',
      mirror?.lag?.objects,
    ),
    ...gauge('blobstore_mirror_lag_bytes', 'Their bytes', mirror?.lag?.bytes),
    ...gauge(
      'blobstore_mirror_lag_seconds',
      'For how long the oldest of them has waited',
      mirror?.lag ? (mirror.lag.oldest ?? 0) / 1000 : undefined,
    ),
    ...gauge('blobstore_mirror_reads', 'Reads that the mirror has served for this process', mirror?.reads),
    ...gauge(
      'blobstore_restored',
      'Whether nothing is deleted until the store is recovered',
      health?.restored === null || health === undefined ? undefined : Number(health.restored),
    ),
    ...gauge(
      'blobstore_backup_timestamp_seconds',
      'When a backup was last marked, by any process',
      health?.backedUpAt ? health.backedUpAt.getTime() / 1000 : undefined,
    ),
    ...labelled(
      'blobstore_janitor_failed',
      'Whether the last run of the janitor failed',
      Object.entries(health?.janitor ?? {}).flatMap(([job, run]) =>
        run === null ? [] : [[`job="${job}"`, Number(run.error !== null)] as const],
      ),
    ),
    ...labelled('blobstore_job_timestamp_seconds', 'When the job last succeeded in this process', ended),
    ...gauge('blobstore_sweep_orphans', 'Orphans of the last sweep in this process', result('sweep', 'orphans')),
    ...gauge('blobstore_scrub_findings', 'Damaged or missing, of the last scrub', result('scrub', 'findings')),
    ...gauge(
      'blobstore_collect_failed_keys',
      'Keys the last collection could not delete',
      result('collect', 'failedKeys'),
    ),
    ...labelled(
      'blobstore_stopped',
      'Whether the deletion limit stopped the last run',
      ['collect', 'sweep'].flatMap((job) =>
        jobs.has(job) ? [[`job="${job}"`, Number(result(job, 'stopped') ?? 0)] as const] : [],
      ),
    ),
    ...gauge('blobstore_stored_bytes', 'Bytes stored, each CID once', stats?.storedBytes),
    ...gauge('blobstore_stored_objects', 'Objects stored, each CID once', stats?.storedCount),
    ...gauge('blobstore_doomed_objects', 'Objects that wait for deletion', stats?.doomedCount),
    ...gauge('blobstore_quarantined_blobs', 'Blobs that wait for a moderator, at most 10,000', stats?.quarantinedCount),
    ...gauge('blobstore_accounts', 'Accounts that have anything', stats?.accounts),
    ...gauge('blobstore_blobs', 'Blobs, as accounts count them', stats?.count),
    ...gauge(
      'blobstore_reserved_bytes',
      'Bytes that running uploads of more than 1 MiB have reserved',
      stats?.reserved,
    ),
    ...gauge('blobstore_pending_bytes', 'Bytes that wait for the delete delay, as accounts count them', stats?.pending),
  ]
}

function gauge(name: string, help: string, value: number | undefined): string[] {
  return family(name, 'gauge', help, value === undefined ? [] : [`${name} ${value}`])
}

function labelled(
  name: string,
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string[] {
  return family(
    name,
    'gauge',
    help,
    samples.map(([labels, value]) => `${name}{${labels}} ${value}`),
  )
}
