import { context, type Span, type SpanOptions, type Tracer, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { Metrics } from '../../examples/observability/metrics.ts'
import { spansOf } from '../../examples/observability/spans.ts'
import { MemoryBackend, traceChannels } from '../../src/index.ts'
import { faultyBackend, memoryBlobStore, sampleBlob } from '../../src/testing.ts'
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

test('operations are counted and timed for Prometheus, by their outcome', async () => {
  const metrics = new Metrics()
  const blobs = memoryBlobStore()
  const { ref } = await blobs.upload(alice, bytes)
  await blobs.read(alice, ref, { as: 'account', range: { start: 0, end: 9 } }).then((blob) => blob.bytes())
  await expect(blobs.read(alice, ref)).rejects.toThrow()
  const text = await metrics.text(blobs)
  expect(text).toContain('blobstore_operation_seconds_count{operation="upload",outcome="ok"} 1\n')
  expect(text).toContain('blobstore_operation_seconds_count{operation="read",outcome="BlobNotFound"} 1\n')
  expect(text).toContain('blobstore_operation_seconds_bucket{operation="upload",outcome="ok",le="60"} 1\n')
  expect(text).toContain('blobstore_backend_seconds_count{backend="memory",method="put",outcome="ok"} 1\n')
  expect(text).toContain(`blobstore_bytes_total{direction="uploaded"} ${bytes.byteLength}\n`)
  expect(text).toContain('blobstore_bytes_total{direction="read"} 10\n')
  expect(text).toContain(`blobstore_stored_bytes ${bytes.byteLength}\n`)
  // Each line is as Prometheus reads it.
  const sample = /^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+$/
  expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('# ') && !sample.test(line))).toEqual([])
  expect(text).not.toContain('did:plc')
  metrics.stop()
  await blobs.upload(alice, sampleBlob('image/gif').bytes)
  expect(await metrics.text(blobs)).toContain('_count{operation="upload",outcome="ok"} 1\n')
  await blobs.close()
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
