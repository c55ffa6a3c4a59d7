import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { memoryBlobStore } from '../../src/testing.ts'
import { project } from './pages.ts'

const page = readFileSync(join(project, 'docs/deployment.md'), 'utf8')

/** The block whose first line is a comment with this path. */
function fileIn(path: string): string {
  const found = [...page.matchAll(/^```\w+\n(?<code>[\s\S]*?)^```$/gm)].map(({ groups }) => groups?.code ?? '')
  const block = found.find((code) => code.split('\n')[0]?.endsWith(path))
  if (block === undefined) throw new Error(`docs/deployment.md has no block that begins with the name ${path}`)
  return block
}

/** The variables that the command line reads. */
const variables = [...readFileSync(join(project, 'docs/command-line.md'), 'utf8').matchAll(/BLOBSTORE_\w+/g)].map(
  String,
)

describe('the recipes of docs/deployment.md', () => {
  test('name only variables that the command line reads', () => {
    const named = [...page.matchAll(/BLOBSTORE_\w+/g)].map(String)
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter((name) => !variables.includes(name))).toEqual([])
  })

  test('give every process more time than examples/shutdown.ts takes', () => {
    const shutdown = readFileSync(join(project, 'examples/shutdown.ts'), 'utf8')
    const [notice = 0, deadline = 0] = ['notice', 'deadline'].map((name) =>
      Number(new RegExp(`${name} = (?<ms>[\\d_]+)`).exec(shutdown)?.groups?.ms?.replaceAll('_', '')),
    )
    const needed = (notice + deadline) / 1000
    expect(needed).toBeGreaterThan(20)
    const { services } = parse(fileIn('compose.yaml'))
    const [deployment] = parseAllDocuments(fileIn('pds.yaml')).map((document) => document.toJS())
    const given = {
      compose: Number.parseInt(services.pds.stop_grace_period, 10),
      kubernetes: deployment.spec.template.spec.terminationGracePeriodSeconds,
      systemd: Number(/^TimeoutStopSec=(?<s>\d+)$/m.exec(fileIn('pds.service'))?.groups?.s),
    }
    for (const [name, seconds] of Object.entries(given)) expect(seconds, name).toBeGreaterThan(needed)
  })

  test('in Kubernetes: what is mounted is a volume, what is selected is labelled, and the probe is a route of the examples', () => {
    const [deployment, cron] = parseAllDocuments(fileIn('pds.yaml'), { strict: true }).map((document) => {
      expect(document.errors).toEqual([])
      return document.toJS()
    })
    const { template, selector, replicas } = deployment.spec
    expect(template.metadata.labels).toMatchObject(selector.matchLabels)
    expect(replicas).toBeGreaterThan(1)
    const [container] = template.spec.containers
    const volumes = template.spec.volumes.map(({ name }: { name: string }) => name)
    expect(container.volumeMounts.map(({ name }: { name: string }) => name)).toEqual(volumes)
    const { httpGet } = container.readinessProbe
    expect(container.ports).toContainEqual({ containerPort: httpGet.port })
    expect(readFileSync(join(project, 'examples/hono/pds.ts'), 'utf8')).toContain(`'${httpGet.path}'`)
    const job = cron.spec.jobTemplate.spec.template.spec
    expect(job.restartPolicy).toBe('Never')
    expect(job.containers[0].envFrom).toEqual(container.envFrom)
  })

  test('in compose: the volume of the PDS is that of the command line', () => {
    const { services, volumes } = parse(fileIn('compose.yaml'))
    expect(services.blobstore.volumes).toEqual(services.pds.volumes)
    expect(Object.keys(volumes)).toEqual(services.pds.volumes.map((one: string) => one.split(':')[0]))
    for (const path of Object.values<string>(services.blobstore.environment)) expect(path).toMatch(/^\/data\//)
  })

  test('Litestream keeps copies no longer than the delete delay', async () => {
    const blobs = memoryBlobStore()
    const { dbs } = parse(fileIn('litestream.yml'))
    const hours = Number.parseInt(dbs[0].replicas[0].retention, 10)
    expect(hours * 3_600_000).toBeLessThanOrEqual(blobs.times.deleteDelay)
    await blobs.close()
  })
})
