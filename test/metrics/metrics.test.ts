import { describe, expect, test } from 'vitest'
import { type BlobStore, MemoryBackend, traceChannels } from '../../src/index.ts'
import { metricsOf } from '../../src/metrics.ts'
import { faultyBackend, memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { alice } from '../support/samples.ts'

const { bytes } = sampleBlob('image/png')

describe('metrics', () => {
  test('count and time operations and backend calls by their outcome', async () => {
    await using blobs = memoryBlobStore({ limits: { quota: { blobs: 1 } } })
    using metrics = metricsOf(blobs)
    const { ref } = await blobs.upload(alice, bytes)
    await blobs.read(alice, ref, { as: 'account', range: { start: 0, end: 9 } }).then((blob) => blob.bytes())
    await expect(blobs.read(alice, ref)).rejects.toThrow()
    await expect(blobs.upload(alice, sampleBlob('image/gif').bytes)).rejects.toMatchObject({ code: 'QuotaExceeded' })
    const text = await metrics.text()
    for (const line of [
      'blobstore_operation_seconds_count{operation="upload",outcome="ok"} 1',
      'blobstore_operation_seconds_count{operation="upload",outcome="QuotaExceeded"} 1',
      'blobstore_operation_seconds_count{operation="read",outcome="BlobNotFound"} 1',
      'blobstore_operation_seconds_bucket{operation="upload",outcome="ok",le="+Inf"} 1',
      'blobstore_backend_seconds_count{backend="memory",method="put",outcome="ok"} 1',
      `blobstore_bytes_total{operation="upload"} ${bytes.byteLength}`,
      'blobstore_bytes_total{operation="read"} 10',
      `blobstore_stored_bytes ${bytes.byteLength}`,
      'blobstore_quarantined_blobs 0',
      'blobstore_up 1',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).not.toContain('did:plc')
  })

  test('are text as Prometheus reads it, whatever a backend is called', async () => {
    await using blobs = memoryBlobStore()
    using metrics = metricsOf(blobs)
    await blobs.upload(alice, bytes)
    await blobs.sweep()
    const lines = (await metrics.text()).split('\n')
    const sample = /^(?<name>[a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+$/
    expect(lines.filter((line) => line !== '' && !line.startsWith('# ') && !sample.test(line))).toEqual([])
    // Each sample is of a family that is declared, once.
    const families = lines.flatMap((line) => /^# TYPE (\w+) /.exec(line)?.[1] ?? [])
    expect(new Set(families).size).toBe(families.length)
    const names = lines.flatMap((line) => sample.exec(line)?.groups?.name ?? [])
    expect(names.filter((name) => !families.includes(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([])
    expect(lines.at(-1)).toBe('')
    expect(lines).toContain('blobstore_sweep_orphans 0')
  })

  test('buckets are cumulative', async () => {
    await using blobs = memoryBlobStore()
    using metrics = metricsOf(blobs)
    for (let n = 0; n < 3; n++) await blobs.usage(alice)
    const buckets = [...(await metrics.text()).matchAll(/_bucket\{operation="usage",outcome="ok",le="[^"]+"\} (\d+)/g)]
    const counts = buckets.map((match) => Number(match[1]))
    expect(counts).toEqual(counts.toSorted((one, other) => one - other))
    expect(counts.at(-1)).toBe(3)
  })

  test('cost nothing once stopped, and then count no more', async () => {
    await using blobs = memoryBlobStore()
    const metrics = metricsOf(blobs)
    await blobs.upload(alice, bytes)
    metrics.stop()
    metrics.stop()
    for (const channel of [...Object.values(traceChannels.store), ...Object.values(traceChannels.backend)]) {
      expect(channel.hasSubscribers).toBe(false)
    }
    await blobs.upload(alice, sampleBlob('image/gif').bytes)
    expect(await metrics.text()).toContain('_count{operation="upload",outcome="ok"} 1\n')
  })

  // Fails when each scrape reads the whole store, or waits for a store that hangs.
  test('a scrape asks for stats() only when they are old, and does not wait for a store that hangs', async () => {
    await using blobs = memoryBlobStore()
    let asked = 0
    const stats = () => {
      asked++
      return blobs.stats()
    }
    const counting = { ...blobs, stats } as BlobStore
    using metrics = metricsOf(counting)
    await Promise.all([metrics.text(), metrics.text()])
    await metrics.text()
    expect(asked).toBe(1)
    const never = () => new Promise<never>(() => {})
    using hanging = metricsOf({ ...blobs, stats: never, health: never } as BlobStore, { timeout: 20 })
    const text = await hanging.text()
    expect(text).toContain('blobstore_up 0\n')
    expect(text).not.toContain('blobstore_stored_bytes')
    await blobs.close()
    expect(await metrics.text()).toContain('blobstore_')
  })

  test('show a backend that fails', async () => {
    const backend = faultyBackend(new MemoryBackend(), { faults: [{ kind: 'fail', on: 'readMarker', at: 3 }] })
    await using blobs = memoryBlobStore({ backend })
    await blobs.ready()
    using metrics = metricsOf(blobs)
    const texts = []
    for (let n = 0; n < 3; n++) {
      texts.push(await metrics.text())
      await new Promise((resolve) => setTimeout(resolve, 1050))
    }
    expect(texts.join('')).toContain('blobstore_backend_up{backend="memory"} 0\n')
    expect(texts.join('')).toContain(
      'blobstore_backend_seconds_count{backend="memory",method="readMarker",outcome="StorageFailed"} 1\n',
    )
  })
})
