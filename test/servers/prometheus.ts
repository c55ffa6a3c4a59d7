import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { guard } from './guard.ts'

/** Whether it can be started here. With REQUIRE_PROMETHEUS=1, as in CI, the test fails where it is missing. */
export function hasPrometheus(): boolean {
  return (
    process.env.REQUIRE_PROMETHEUS === '1' || spawnSync('sh', ['-c', 'command -v prometheus promtool']).status === 0
  )
}

export interface Prometheus extends AsyncDisposable {
  /** Its answer to a query, as of now. */
  query(expr: string): Promise<Sample[]>
  /** The rules that it was given, in the order of the file. */
  alerts(): Promise<Alert[]>
}

export interface Sample {
  metric: Record<string, string>
  value: [time: number, value: string]
}

export interface Alert {
  name: string
  state: 'inactive' | 'pending' | 'firing'
  health: string
}

/** A Prometheus that reads `target` (`host:port`) five times a second, with rules of alerts. */
export async function startPrometheus(target: string, rules: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-prometheus-'))
  const end = guard(folder)
  const port = await freePort()
  writeFileSync(join(folder, 'rules.yml'), rules)
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }
rule_files: [rules.yml]
scrape_configs:
  - job_name: blobstore
    static_configs: [{ targets: ['${target}'] }]
`,
  )
  const server = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { cwd: folder, stdio: 'ignore' },
  )
  const ask = async (path: string): Promise<{ result: Sample[]; groups: { rules: Alert[] }[] }> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    if (!answer.ok) throw new Error(`Prometheus: ${answer.status} ${await answer.text()}`)
    return ((await answer.json()) as { data: Awaited<ReturnType<typeof ask>> }).data
  }
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  for (let left = 200; !(await isReady()); left--) {
    if (left === 0 || server.exitCode !== null) {
      await end()
      throw new Error('Prometheus does not start')
    }
    await setTimeout(50)
  }
  return {
    query: async (expr) => (await ask(`/api/v1/query?${new URLSearchParams({ query: expr })}`)).result,
    alerts: async () => (await ask('/api/v1/rules?type=alert')).groups.flatMap(({ rules }) => rules),
    [Symbol.asyncDispose]: end,
  }
}
