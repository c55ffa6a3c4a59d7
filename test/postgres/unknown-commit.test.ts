import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createBlobStore, DiskBackend, isBlobStoreError, kyselyMetadata } from '../../src/index.ts'
import { Clock, temporaryFolder } from '../support/places.ts'
import { PostgresSchema } from '../support/postgres.ts'
import { alice, bytes, day, nextRev, post, text, uriOf } from '../support/samples.ts'
import { wrongsIn } from './bench.ts'
import { CuttingProxy } from './proxy.ts'

// If a connection breaks at COMMIT, it is unknown whether the commit took effect. What was not acknowledged may be
// there or not; nothing may leak, and nothing that was acknowledged may be missing.

async function cutStore() {
  const [clock, folder, schema] = [new Clock(), temporaryFolder(), new PostgresSchema()]
  onTestFinished(() => schema.drop())
  const proxy = await CuttingProxy.start()
  const db = schema.open({ connectionString: proxy.url })
  const backend = new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' })
  const metadata = kyselyMetadata(db, { durability: 'relaxed', now: clock.now })
  const blobs = createBlobStore({ backend, metadata, limits: { accept: ['*/*'] } })
  onTestFinished(() => blobs.close())
  await blobs.ready()
  const keys = async (): Promise<number> => (await backend.list({})).keys.length
  return { blobs, clock, db, proxy, schema, keys }
}

describe.each(['before', 'after'] as const)('a connection cut %s the COMMIT', (when) => {
  test.each([
    { at: 1, size: 10 },
    { at: 1, size: 2_000_000 },
    { at: 2, size: 2_000_000 },
    { at: 3, size: 2_000_000 },
  ])('$at of an upload of $size bytes is not acknowledged, and leaves nothing', async ({ at, size }) => {
    const { blobs, clock, db, proxy, keys } = await cutStore()
    const kept = await blobs.upload(alice, bytes('kept'))
    await post(blobs, alice, 'a', kept)
    proxy.cutAt(when, at)
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let rest = size; rest > 0; rest -= 100_000) yield new Uint8Array(Math.min(rest, 100_000)).fill(7)
    }
    const error = await blobs.upload(alice, body()).then(
      () => expect.unreachable('it was acknowledged'),
      (reason: unknown) => reason,
    )
    expect(proxy.cuts).toBe(1)
    expect(error).toMatchObject({ code: 'MetadataFailed', transient: true })

    // What is in doubt is given up in the background, once the process has another entry.
    await vi.waitFor(async () => {
      clock.advance(2 * day)
      await blobs.collect()
      expect(await keys()).toBe(1)
    }, 10_000)
    expect(await blobs.usage(alice)).toEqual({ bytes: 4, count: 1, reserved: 0, pending: 0 })
    expect(await blobs.sweep()).toMatchObject({ orphans: 0 })
    expect(await wrongsIn(db)).toEqual([])
    expect(await text((await blobs.read(alice, kept.ref)).body)).toBe('kept')
    // The client repeats the call.
    await post(blobs, alice, 'b', await blobs.upload(alice, body()))
    expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 2 })
  })

  test('of a record’s references may be retried', async () => {
    const { blobs, db, proxy } = await cutStore()
    const ref = await blobs.upload(alice, bytes('x'))
    proxy.cutAt(when, 1)
    const writes = [{ action: 'create', uri: uriOf(alice, 'a'), record: { ref } }] as const
    const attempt = () => blobs.applyWrites(alice, writes, { rev: nextRev() })
    await expect(attempt()).rejects.toMatchObject({ code: 'MetadataFailed', transient: true })
    await attempt()
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uriOf(alice, 'a')])
    expect(await wrongsIn(db)).toEqual([])
  })

  test('of each transaction of a collection loses and leaks nothing', async () => {
    const { blobs, clock, db, proxy, keys } = await cutStore()
    for (let at = 1; at < 30; at++) {
      const kept = await blobs.upload(alice, bytes(`kept ${at}`))
      await post(blobs, alice, `r${at}`, kept)
      await blobs.upload(alice, bytes(`temporary ${at}`))
      const cutsBefore = proxy.cuts
      clock.advance(2 * day)
      proxy.cutAt(when, at)
      let failed = false
      for (let round = 0; round < 3; round++) {
        await blobs.collect().catch((error: unknown) => {
          expect(isBlobStoreError(error, 'MetadataFailed')).toBe(true)
          failed = true
        })
        clock.advance(2 * day)
      }
      expect(await keys()).toBe(at)
      expect(await text((await blobs.read(alice, kept.ref)).body)).toBe(`kept ${at}`)
      expect(await wrongsIn(db)).toEqual([])
      if (proxy.cuts === cutsBefore) return expect(at).toBeGreaterThan(2)
      expect(failed).toBe(true)
    }
  })
})
