import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { serveNumbers } from '../../examples/observability/metrics.ts'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'
import { sampleBlob } from '../../src/testing.ts'
import { project } from '../docs/pages.ts'
import { hasPrometheus, type Prometheus, startPrometheus } from '../servers/prometheus.ts'
import { alice } from '../support/samples.ts'

// A real Prometheus reads what the example serves, and answers what the dashboard and the alerts of the manual ask.

const dashboardFile = join(project, 'examples/observability/dashboard.json')
const dashboard: { panels: { title: string; targets: { expr: string }[] }[] } = JSON.parse(
  readFileSync(dashboardFile, 'utf8'),
)
const queries = dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const))

const page = readFileSync(join(project, 'docs/monitoring.md'), 'utf8')
const rules = /^```yaml\n(groups:[\s\S]*?)^```$/m.exec(page)?.[1] ?? ''

/** The panels that have no data while all is well. */
const quietWhenWell = ['Quota refusals']

describe.skipIf(!hasPrometheus())('Prometheus', () => {
  let folder: string
  let blobs: ReturnType<typeof storeIn>
  let server: ReturnType<typeof serveNumbers>
  let prometheus: Prometheus

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-observability-'))
    blobs = storeIn(folder)
    await blobs.ready()
    server = serveNumbers(blobs).listen(0, '127.0.0.1')
    await once(server, 'listening')
    prometheus = await startPrometheus(`127.0.0.1:${(server.address() as AddressInfo).port}`, rules)
  })
  afterAll(async () => {
    await prometheus?.[Symbol.asyncDispose]()
    server?.close()
    server?.closeAllConnections()
    await blobs?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('finds nothing to criticize in the numbers', async () => {
    await work(blobs)
    const { port } = server.address() as AddressInfo
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('')
    const file = join(folder, 'rules.yml')
    writeFileSync(file, rules)
    expect(execFileSync('promtool', ['check', 'rules', '--lint-fatal', file], { encoding: 'utf8' })).toContain(
      'SUCCESS',
    )
  })

  test.each(queries)('answers the panel %s: %s', async (title, expr) => {
    await work(blobs)
    // A rate needs two readings.
    await vi.waitFor(async () => expect(await prometheus.query('blobstore_up')).toHaveLength(1), waiting)
    await vi.waitFor(async () => {
      const samples = await prometheus.query(expr)
      if (quietWhenWell.includes(title)) return
      expect(samples.length).toBeGreaterThan(0)
      expect(samples.every(({ value }) => Number.isFinite(Number(value[1])))).toBe(true)
    }, waiting)
  })

  test('raises no alert while all is well, and the right one when bytes are lost', async () => {
    await work(blobs)
    await vi.waitFor(async () => {
      const alerts = await prometheus.alerts()
      expect(alerts.every(({ health }) => health === 'ok')).toBe(true)
    }, waiting)
    const names = async () =>
      (await prometheus.alerts()).filter(({ state }) => state === 'firing').map(({ name }) => name)
    expect(await names()).toEqual([])
    for (const file of globSync('blobs/blobs/??/*', { cwd: folder })) rmSync(join(folder, file))
    await blobs.scrub({ olderThan: 0 })
    await vi.waitFor(async () => expect(await names()).toEqual(['BlobStoreDamage']), waiting)
  })
})

test('the dashboard has the form that Grafana documents', () => {
  const folder = mkdtempSync(join(project, 'node_modules/.dashboard-'))
  try {
    const text = readFileSync(dashboardFile, 'utf8')
    const code = `import type { Dashboard } from '@grafana/schema'\nexport const dashboard: Dashboard = ${text}\n`
    writeFileSync(join(folder, 'dashboard.ts'), code)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['dashboard.ts'] }))
    const { stdout } = spawnSync(join(project, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, types: [], module: 'preserve' }

const waiting = { timeout: 20_000, interval: 200 }

function storeIn(folder: string) {
  return createBlobStore({
    backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    metadata: sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed' }),
  })
}

/** Something of each kind that the numbers count. */
async function work(blobs: ReturnType<typeof storeIn>): Promise<void> {
  const { ref } = await blobs.upload(alice, sampleBlob('image/png').bytes)
  const blob = await blobs.read(alice, ref, { as: 'account' })
  await blob.bytes()
  await blobs.upload(alice, 'not a blob' as never).catch(() => {})
  await blobs.collect()
  await blobs.sweep()
  await blobs.scrub()
  await blobs.markBackup()
}
