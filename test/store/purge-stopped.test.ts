import { describe, expect, test, vi } from 'vitest'
import { type BlobStore, BlobStoreError, cidOfBytes, type InaccessibleEvent } from '../../src/index.ts'
import type { PurgeSteps } from '../../src/metadata/contract/purges.ts'
import { meddle, meddleMetadata } from '../support/meddling.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, hour, text } from '../support/samples.ts'
import { bad, cid, keysOf, latest, posted } from './purging.ts'

// A purge that does not come to its end at once: what fails, what crashes, what is reversed.

describe.each(places)('a purge in $name', ({ make }) => {
  const steps = ['awaitUploads', 'purgedHolders', 'releasePurged', 'purgedKeys', 'endPurge', 'purgeRecord'] as const

  // Whatever step it was: the blob is hidden, and the next collection, or call, does the rest.
  test.each(steps.flatMap((step) => (['collect', 'purge'] as const).map((next) => [step, next] as const)))(
    'that stops at %s is finished by %s',
    async (step, next) => {
      const place = make()
      let broken = true
      const fail: PurgeSteps[typeof step] = () =>
        Promise.reject(new BlobStoreError('MetadataFailed', 'the database is gone'))
      const adapter = place.metadata()
      const blobs = place.store({
        metadata: meddleMetadata(adapter, (inner) => ({
          [step]: (...args: never[]) =>
            (broken ? fail : (inner[step] as (...args: never[]) => Promise<never>))(...(args as [never, never, never])),
        })),
      })
      await posted(blobs, alice, bob)
      await expect(blobs.purge('*', cid)).rejects.toMatchObject({ code: 'MetadataFailed' })
      for (const did of [alice, bob]) expect(await blobs.stat(did, cid)).toBeNull()
      broken = false
      if (next === 'collect') await blobs.collect()
      else await blobs.purge('*', cid)
      expect(await keysOf(place)).toEqual([])
      for (const did of [alice, bob]) expect(await blobs.stat(did, cid, { as: 'moderator' })).toBeNull()
      for (const { goneAt } of (await blobs.listPurges()).items) expect(goneAt).not.toBeNull()
    },
  )

  test('names the keys that a backend does not delete, and goes on with them', async () => {
    const place = make()
    let broken: readonly string[] | null = null
    const inner = place.backend()
    const warn = vi.fn()
    const blobs = place.store({
      logger: { info() {}, warn, error() {} },
      backend: meddle(inner, {
        async delete(keys, options) {
          broken ??= keys.slice(1)
          const failed = keys.filter((key) => broken?.includes(key))
          const failures = await inner.delete(
            keys.filter((key) => !failed.includes(key)),
            options,
          )
          return new Map([...failures, ...failed.map((key) => [key, new Error('the disk is read-only')] as const)])
        },
      }),
    })
    await posted(blobs, alice, bob)
    const report = await blobs.purge('*', cid)
    expect(report).toMatchObject({ keys: 1, remainingKeys: 1, goneAt: null })
    const [key] = await keysOf(place)
    expect(report.remaining).toEqual([{ backend: inner.name, key, error: 'the disk is read-only' }])
    expect(await blobs.stat(alice, cid, { as: 'moderator' }), 'it is nobody’s already').toBeNull()
    place.clock.advance(hour)
    await blobs.collect()
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ cid, remainingKeys: 1 }),
      expect.stringContaining('purge'),
    )
    expect(await latest(blobs)).toMatchObject({ goneAt: null })
    broken = []
    await blobs.collect()
    expect(await keysOf(place)).toEqual([])
    expect(await latest(blobs)).toMatchObject({ goneAt: new Date(place.clock.now()) })
    // Bytes that remain do not hinder a reversal; nor do those that came since hinder the end.
    await blobs.reverseTakedown('*', cid)
    await blobs.upload(alice, bad)
  })

  // Fails when each unfinished purge calls a backend that has just deleted nothing: each call may hang for minutes.
  test('of several blobs calls a backend that is down once in a collection, and the rest of it goes on', async () => {
    const place = make()
    const inner = place.backend()
    const remove = vi.fn(() => Promise.reject(new BlobStoreError('StorageFailed', 'unreachable')))
    const blobs = place.store({ backend: meddle(inner, { delete: remove }) })
    for (const name of ['one', 'two', 'three']) {
      const { ref } = await blobs.upload(alice, bytes(name))
      expect(await blobs.purge('*', ref)).toMatchObject({ goneAt: null, remainingKeys: 1 })
    }
    await blobs.upload(alice, bytes('temporary'))
    place.clock.advance(100 * hour)
    remove.mockClear()
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    expect(remove).toHaveBeenCalledOnce()
  })

  // Fails when a key that can never be deleted counts as a backend that is down, in each collection again.
  test('of which a key can never be deleted keeps no other bytes from being deleted', async () => {
    const place = make()
    const inner = place.backend()
    const blobs = place.store({
      backend: meddle(inner, {
        async delete(keys, options) {
          const stuck = keys.filter((key) => key.startsWith(cid))
          const failed = await inner.delete(
            keys.filter((key) => !stuck.includes(key)),
            options,
          )
          return new Map([...failed, ...stuck.map((key) => [key, new Error('not permitted')] as const)])
        },
      }),
    })
    await posted(blobs, alice)
    expect(await blobs.purge('*', cid)).toMatchObject({ goneAt: null, remainingKeys: 1 })
    await blobs.upload(alice, bytes('temporary'))
    for (let days = 0; days < 3; days++) {
      place.clock.advance(100 * hour)
      await blobs.collect()
    }
    expect((await inner.list()).keys).toEqual(await keysOf(place))
  })

  test('that is reversed while its bytes still wait ends, and leaves alone what was uploaded since', async () => {
    const place = make()
    let broken = true
    const inner = place.backend()
    const blobs = place.store({
      backend: meddle(inner, {
        delete: (keys, options) =>
          broken ? Promise.reject(new BlobStoreError('StorageFailed', 'unreachable')) : inner.delete(keys, options),
      }),
    })
    await posted(blobs, alice)
    expect(await blobs.purge('*', cid)).toMatchObject({ goneAt: null, remainingKeys: 1 })
    await blobs.reverseTakedown('*', cid)
    await blobs.upload(alice, bad)
    await blobs.reverseTakedown('*', cid) // harmless, as where there was none
    broken = false
    await blobs.collect()
    expect((await latest(blobs))?.goneAt).not.toBeNull()
    expect(await text((await blobs.read(alice, cid)).body)).toBe('illegal')
  })

  // Fails when `releasePurged` relies on an earlier look at the takedown.
  test('that is overtaken by another one and by a reversal takes nothing that came since', async () => {
    const place = make()
    const adapter = place.metadata()
    let overtaken = false
    const blobs: BlobStore = place.store({
      metadata: meddleMetadata(adapter, (inner) => ({
        async purgedHolders(...args) {
          const holders = await inner.purgedHolders(...args)
          if (overtaken) return holders
          overtaken = true
          await blobs.purge('*', cid)
          await blobs.reverseTakedown('*', cid)
          await blobs.upload(alice, bad)
          return holders
        },
      })),
    })
    await posted(blobs, alice)
    await blobs.purge('*', cid)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('illegal')
  })

  // Fails when `reverseTakedown` does not look for a purge: half of the records would wait for a blob that is there.
  test('cannot be reversed while accounts still have the blob', async () => {
    const place = make()
    let broken = true
    const adapter = place.metadata()
    const blobs = place.store({
      metadata: meddleMetadata(adapter, (inner) => ({
        releasePurged: (...args) =>
          broken ? Promise.reject(new BlobStoreError('MetadataBusy', 'locked')) : inner.releasePurged(...args),
      })),
    })
    await posted(blobs, alice)
    await expect(blobs.purge('*', cid)).rejects.toMatchObject({ code: 'MetadataBusy' })
    await expect(blobs.reverseTakedown('*', cid)).rejects.toMatchObject({ code: 'BlobTakenDown', transient: true })
    expect(await blobs.stat(alice, cid)).toBeNull()
    // That of one account is another: nothing forbids to reverse what was never done.
    await blobs.reverseTakedown(alice, cid)
    broken = false
    await blobs.collect()
    await blobs.reverseTakedown('*', cid)
    expect((await blobs.listMissing(alice)).items).toMatchObject([{ cid }])
  })

  test('stops when it is aborted, after the takedown', async () => {
    const place = make()
    const inner = place.backend()
    const stop = new AbortController()
    const blobs = place.store({
      backend: meddle(inner, {
        delete(keys, options) {
          if (stop.signal.aborted) return inner.delete(keys, options)
          stop.abort(new Error('enough'))
          return new Promise(() => {})
        },
      }),
    })
    await posted(blobs, alice)
    await expect(blobs.purge('*', cid, { signal: stop.signal })).rejects.toThrow('enough')
    await expect(blobs.purge('*', cid, { signal: stop.signal })).rejects.toThrow('enough')
    await expect(blobs.upload(bob, bad)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await blobs.collect()
    expect(await keysOf(place)).toEqual([])
    expect((await blobs.listPurges()).items).toMatchObject([{ goneAt: expect.any(Date) }])
  })

  test('tells the host’s hook, waits for it, and says how it went', async () => {
    const events: InaccessibleEvent[] = []
    let broken = false
    const blobs = make().store({
      hooks: {
        async onInaccessible(event) {
          await new Promise(setImmediate)
          if (broken) throw new Error('the CDN does not answer')
          events.push(event)
        },
      },
    })
    await posted(blobs, alice)
    expect(await blobs.purge('*', cid)).toMatchObject({ cachesPurged: true })
    expect(events).toEqual([{ did: '*', cid, because: 'purged' }])
    broken = true
    expect(await blobs.purge('*', cid)).toMatchObject({ cachesPurged: false, goneAt: expect.any(Date) })
  })

  test.each<[string, string, object, string]>([
    ['an account that is none', 'alice', {}, 'InvalidDid'],
    ['a reason that is too long', '*', { reason: 'x'.repeat(1001) }, 'InvalidArgument'],
    ['a name with NUL', '*', { by: 'x\0' }, 'InvalidArgument'],
    ['an unknown option', '*', { ref: 'x' }, 'InvalidArgument'],
  ])('of %s is refused', async (_what, did, options, code) => {
    const blobs = make().store()
    await expect(blobs.purge(did, cid, options)).rejects.toMatchObject({ code })
    await expect(blobs.purge(did, 'no cid', {})).rejects.toMatchObject({ code: /^Invalid/ })
    expect(await blobs.listPurges()).toEqual({ items: [] })
  })

  test('is listed, the newest first, in pages', async () => {
    const place = make()
    const blobs = place.store()
    for (let n = 0; n < 5; n++) {
      await blobs.purge('*', cidOfBytes(bytes(`illegal ${n}`)), { reason: `case ${n}` })
      if (n % 2 === 0) place.clock.advance(hour)
    }
    const reasons: (string | null)[] = []
    let cursor: string | undefined
    do {
      const page = await blobs.listPurges({ limit: 2, cursor })
      reasons.push(...page.items.map(({ reason }) => reason))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(reasons.slice(0, 2).sort()).toEqual(['case 3', 'case 4'])
    expect(reasons.slice(2, 4).sort()).toEqual(['case 1', 'case 2'])
    expect(reasons[4]).toBe('case 0')
    await expect(blobs.listPurges({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'InvalidArgument' })
  })
})
