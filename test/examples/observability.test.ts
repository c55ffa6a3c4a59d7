import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { context, type Span, type SpanOptions, type Tracer, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { serveNumbers } from '../../examples/observability/metrics.ts'
import { spansOf } from '../../examples/observability/spans.ts'
import { MemoryBackend, traceChannels } from '../../src/index.ts'
import { metricsOf } from '../../src/metrics.ts'
import { faultyBackend, memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { project } from '../docs/pages.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { alice } from '../support/samples.ts'

const { bytes } = sampleBlob('image/png')

test('an upload is a span, with the backend’s calls below it, and a failure is recorded', async () => {
  const tracer = new Recorder()
  const stop = spansOf(tracer)
  const backend = faultyBackend(new MemoryBackend(), { faults: [{ kind: 'fail', on: 'put', at: 2 }] })
  const blobs = memoryBlobStore({ backend })
  try {
    const { ref } = await blobs.upload(alice, bytes)
    await expect(blobs.upload(alice, sampleBlob('image/gif').bytes)).rejects.toThrow()
    const [first, second] = tracer.spans.filter(({ name }) => name === 'blobstore upload')
    expect(first?.attributes).toMatchObject({ 'atproto.did': alice, 'blobstore.cid': String(ref) })
    expect([first?.ended, first?.exceptions.length, second?.ended, second?.exceptions.length]).toEqual([1, 0, 1, 1])
    const puts = tracer.spans.filter(({ name }) => name === 'memory put')
    expect(puts.map(({ parent }) => parent)).toEqual([first, second])
    await Promise.all([blobs.upload(alice, bytes), blobs.upload('did:plc:bob', bytes)])
    const parents = tracer.spans.filter(({ name }) => name === 'memory put').map(({ parent }) => parent)
    expect(new Set(parents).size).toBe(4)
  } finally {
    stop()
    await blobs.close()
  }
  expect(traceChannels.store.upload.hasSubscribers).toBe(false)
})

test('metrics and health are served, and stop with the server', async () => {
  const blobs = memoryBlobStore()
  const server = serveNumbers(blobs).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    await blobs.upload(alice, bytes)
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const metrics = await fetch(`${at}/metrics`)
    expect(metrics.headers.get('content-type')).toContain('version=0.0.4')
    expect(await metrics.text()).toContain('blobstore_operation_seconds_count{operation="upload",outcome="ok"} 1\n')
    const health = await fetch(`${at}/healthz`)
    expect([health.status, await health.json()]).toMatchObject([200, { ok: true }])
    expect((await fetch(at)).status).toBe(404)
    await blobs.close()
    expect((await fetch(`${at}/healthz`)).status).toBe(503)
  } finally {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  expect(traceChannels.store.upload.hasSubscribers).toBe(false)
})

// Fails when a panel, or an alert of the manual, asks for a number that the store does not have.
test('the dashboard and the alerts use only numbers that the store has', async () => {
  const dashboard = JSON.parse(readFileSync(join(project, 'examples/observability/dashboard.json'), 'utf8'))
  const page = readFileSync(join(project, 'docs/monitoring.md'), 'utf8')
  const blobs = new FolderPlace().store({ mirror: { backend: new MemoryBackend() } })
  using metrics = metricsOf(blobs)
  await blobs.upload(alice, bytes)
  await blobs.mirror()
  await blobs.collect()
  await blobs.sweep()
  await blobs.scrub()
  await blobs.markBackup()
  const text = await metrics.text()
  const ids = dashboard.panels.map((panel: { id: number }) => panel.id)
  expect(new Set(ids).size).toBe(ids.length)
  const asked = (dashboard.panels as { targets: { expr: string }[] }[]).flatMap(({ targets }) =>
    targets.map(({ expr }) => expr),
  )
  const alerts = [...page.matchAll(/^ +expr: (.*)$/gm)].map((match) => match[1] ?? '')
  expect([asked.length > 12, alerts.length > 5]).toEqual([true, true])
  const names = [...asked, ...alerts].flatMap((expr) => expr.match(/blobstore_\w+/g) ?? [])
  // A store without a janitor has none of its runs.
  const unknown = names.filter(
    (name) => name !== 'blobstore_janitor_failed' && !new RegExp(`^${name}\\b`, 'm').test(text),
  )
  expect(unknown).toEqual([])
})

interface Recorded {
  name: string
  parent: unknown
  attributes: Record<string, unknown>
  exceptions: unknown[]
  ended: number
}

/** As much of a tracer as the example uses. */
class Recorder implements Tracer {
  readonly spans: Recorded[] = []
  startActiveSpan = undefined as never

  startSpan(name: string, options: SpanOptions = {}, parent = context.active()): Span {
    const found = trace.getSpan(parent)
    const recorded: Recorded = {
      name,
      parent: this.spans.find((one) => (one as unknown) === found),
      attributes: { ...options.attributes },
      exceptions: [],
      ended: 0,
    }
    this.spans.push(recorded)
    return Object.assign(recorded, {
      setAttribute: (key: string, value: unknown) => Object.assign(recorded.attributes, { [key]: value }),
      recordException: (error: unknown) => void recorded.exceptions.push(error),
      setStatus: () => {},
      end: () => void recorded.ended++,
    }) as unknown as Span
  }
}
