import { describe, expect, onTestFinished, test } from 'vitest'
import { type BlobRef, type BlobStore, BlobStoreError, type CollectReport, cidOfBytes } from '../../src/index.ts'
import { Gate, meddle } from '../support/meddling.ts'
import { memoryPlace, places } from '../support/places.ts'
import { alice, bob, bytes, day, hour, post, text, unpost } from '../support/samples.ts'

const minute = 60_000
/** Its uploads have a row each, as those of a store with an inspection do. */
const inspected = { hooks: { inspect: async () => undefined } }
const nothing: CollectReport = {
  expiredBlobs: 0,
  stopped: false,
  heldBlobs: 0,
  expiredUploads: 0,
  deletedKeys: 0,
  deletedBytes: 0,
  failedKeys: 0,
  waitingKeys: 0,
}

describe.each(places)('collect in $name', ({ make }) => {
  test('keeps temporary blobs for the grace period, and their bytes for the delete delay', async () => {
    const { store, clock, backend } = make()
    const blobs = store({ times: { grace: 3 * hour, deleteDelay: 5 * hour } })
    const ref = await blobs.upload(alice, bytes('temporary'))
    const held = async (): Promise<boolean> => (await blobs.stat(alice, ref.ref, { as: 'account' })) !== null
    const stored = async (): Promise<number> => (await backend().list()).keys.length

    clock.advance(3 * hour - minute)
    expect(await blobs.collect()).toEqual(nothing)
    expect([await held(), await stored()]).toEqual([true, 1])

    clock.advance(2 * minute)
    expect(await blobs.collect()).toEqual({ ...nothing, expiredBlobs: 1, waitingKeys: 1 })
    expect([await held(), await stored()]).toEqual([false, 1])

    clock.advance(5 * hour - 2 * minute)
    expect(await blobs.collect()).toEqual({ ...nothing, waitingKeys: 1 })
    expect(await stored()).toBe(1)

    clock.advance(4 * minute)
    expect(await blobs.collect()).toEqual({ ...nothing, deletedKeys: 1, deletedBytes: 9 })
    expect(await stored()).toBe(0)
    expect(await blobs.collect()).toEqual(nothing)
  })

  test('in a dry run says what it would do, and does nothing', async () => {
    const { store, clock, backend } = make()
    const blobs = store({ times: { grace: hour, deleteDelay: hour } })
    for (const name of ['one', 'two']) await blobs.upload(alice, bytes(name))
    clock.advance(hour + minute)
    await blobs.upload(alice, bytes('three'))
    await blobs.collect()
    clock.advance(hour + minute)
    // Two keys are due, the third blob has expired and its key will have to wait.
    const foretold = { ...nothing, expiredBlobs: 1, deletedKeys: 2, deletedBytes: 6 }
    for (let round = 0; round < 2; round++) expect(await blobs.collect({ dryRun: true })).toEqual(foretold)
    expect([(await backend().list()).keys.length, await blobs.usage(alice)]).toEqual([
      3,
      expect.objectContaining({ count: 1 }),
    ])
    expect(await blobs.collect()).toEqual({ ...foretold, waitingKeys: 1 })
    expect(await blobs.collect({ dryRun: true })).toEqual({ ...nothing, waitingKeys: 1 })
  })

  test('never deletes what a record references, however often it runs', async () => {
    const { store, clock } = make()
    const blobs = store()
    const ref = await posted(blobs, alice, 'permanent')
    for (let round = 0; round < 10; round++) {
      clock.advance(7 * day)
      expect(await blobs.collect()).toEqual(nothing)
    }
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('permanent')
  })

  test('deletes what lost its last reference, after the grace period from then', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const ref = await posted(blobs, alice, 'a')
    await post(blobs, alice, 'b', ref)
    clock.advance(30 * day)
    await unpost(blobs, alice, 'a')
    clock.advance(30 * day)
    expect(await blobs.collect(), 'the other record references it').toEqual(nothing)
    await unpost(blobs, alice, 'b')
    expect(await blobs.collect()).toEqual(nothing)
    clock.advance(day - minute)
    expect(await blobs.collect()).toEqual(nothing)
    clock.advance(2 * minute)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    expect(await blobs.stat(alice, ref.ref, { as: 'moderator' })).toBeNull()
    clock.advance(2 * day + minute)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1, waitingKeys: 0 })
    expect((await backend().list()).keys).toEqual([])
  })

  test('keeps what is uploaded and referenced again before its old bytes are deleted', async () => {
    const { store, clock, backend } = make()
    const blobs = store({ times: { grace: hour, deleteDelay: 2 * hour } })
    await posted(blobs, alice, 'twice')
    await unpost(blobs, alice, 'twice')
    clock.advance(hour + minute)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1, waitingKeys: 1 })
    const ref = await posted(blobs, alice, 'twice')
    for (let round = 0; round < 3; round++) {
      clock.advance(3 * hour)
      await blobs.collect()
    }
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('twice')
    expect((await backend().list()).keys).toHaveLength(1)
  })

  test('keeps the bytes that another account still has', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    await blobs.upload(alice, bytes('shared'))
    const ref = await blobs.upload(bob, bytes('shared'))
    await post(blobs, bob, 'b', ref)
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    clock.advance(2 * day)
    expect(await blobs.collect(), 'no bytes go, and nothing fails').toEqual(nothing)
    expect(await text((await blobs.read(bob, ref.ref)).body)).toBe('shared')
    expect((await backend().list()).keys).toHaveLength(1)
    await unpost(blobs, bob, 'b')
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await backend().list()).keys).toEqual([])
  })

  test('stops when it is aborted, continues in the next run, and reports what it did', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const reason = new Error('enough')
    await expect(blobs.collect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    for (let index = 0; index < 120; index++) await blobs.upload(alice, bytes(String(index).padStart(3, '0')))
    clock.advance(2 * day)

    const progress: CollectReport[] = []
    const controller = new AbortController()
    const aborting = blobs.collect({
      force: true,
      signal: controller.signal,
      onProgress(report) {
        progress.push(report)
        if (report.expiredBlobs > 0) controller.abort(reason)
      },
    })
    await expect(aborting).rejects.toBe(reason)
    const { count } = await blobs.usage(alice)
    expect(count, 'in batches').toBeGreaterThan(0)
    expect(progress.at(-1)).toMatchObject({ expiredBlobs: 120 - count })
    expect(await blobs.collect({ force: true })).toEqual({ ...nothing, expiredBlobs: count, waitingKeys: 120 })

    clock.advance(2 * day)
    progress.length = 0
    const onProgress = (report: CollectReport) => void progress.push(report)
    expect(await blobs.collect({ onProgress })).toEqual({ ...nothing, deletedKeys: 120, deletedBytes: 360 })
    expect(progress.at(-1)).toMatchObject({ deletedKeys: 120, deletedBytes: 360 })
    const deleted = progress.map(({ deletedKeys }) => deletedKeys)
    expect(deleted, 'ever more').toEqual([...deleted].sort((a, b) => a - b))
    expect((await backend().list()).keys).toEqual([])
  })

  test('deletes what a dead upload left, once its lease is over', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    const gate = new Gate()
    const blobs = store({
      ...inspected,
      backend: meddle(inner, {
        async put(key, body, options) {
          await inner.put(key, body, options)
          await gate.pass()
        },
      }),
    })
    const upload = blobs.upload(alice, bytes('paused'))
    const refused = expect(upload).rejects.toMatchObject({ code: 'UploadExpired', transient: true })
    onTestFinished(() => gate.open())
    await gate.reached
    clock.advance(hour - minute)
    expect(await blobs.collect(), 'it may be alive').toEqual(nothing)
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 6 })
    clock.advance(2 * minute)
    expect(await blobs.collect()).toMatchObject({ expiredUploads: 1, expiredBlobs: 0 })
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 0 })
    clock.advance(2 * day)
    await blobs.collect()
    expect((await inner.list()).keys).toEqual([])
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })

    gate.open()
    await refused
    expect(await blobs.stat(alice, cidOfBytes(bytes('paused')), { as: 'moderator' })).toBeNull()
  })

  test('never acknowledges an upload that wakes up after its lease', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    const gate = new Gate()
    let slow = true
    const blobs = store({
      ...inspected,
      backend: meddle(inner, {
        async put(key, body, options) {
          if (slow) await gate.pass()
          await inner.put(key, body, options)
        },
      }),
    })
    const upload = blobs.upload(alice, bytes('late'))
    const refused = expect(upload).rejects.toMatchObject({ code: 'UploadExpired' })
    onTestFinished(() => gate.open())
    await gate.reached
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    slow = false
    const ref = await posted(blobs, bob, 'late')
    gate.open()
    await refused
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
    for (let round = 0; round < 3; round++) {
      clock.advance(2 * day)
      await blobs.collect()
      await blobs.sweep()
    }
    expect((await inner.list()).keys, 'only bob’s').toHaveLength(1)
    expect(await text((await blobs.read(bob, ref.ref)).body)).toBe('late')
  })

  test('deletes what an upload left that could not be stored', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    let failing = true
    const blobs = store({
      backend: meddle(inner, {
        async put(key, body, options) {
          await inner.put(key, body, options)
          if (failing) throw new BlobStoreError('StorageFailed', 'the answer was lost', { backend: inner.name })
        },
      }),
    })
    await expect(blobs.upload(alice, bytes('lost'))).rejects.toMatchObject({ code: 'StorageFailed' })
    await expect(blobs.upload(alice, new Uint8Array(2_000_000))).rejects.toMatchObject({ code: 'StorageFailed' })
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0, reserved: 0 })
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await inner.list()).keys).toEqual([])
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
    failing = false
    const ref = await posted(blobs, alice, 'lost')
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('lost')
  })

  test('remembers what the backend could not delete, and tries again later', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    const stuck = new Set<string>()
    let attempts = 0
    const blobs = store({
      backend: meddle(inner, {
        async delete(keys, options) {
          attempts += keys.filter((key) => stuck.has(key)).length
          const failed = await inner.delete(
            keys.filter((key) => !stuck.has(key)),
            options,
          )
          for (const key of keys) if (stuck.has(key)) failed.set(key, new Error('permission denied'))
          return failed
        },
      }),
    })
    for (const content of ['one', 'two', 'three']) await blobs.upload(alice, bytes(content))
    stuck.add((await inner.list()).keys[1] as string)
    clock.advance(2 * day)
    await blobs.collect()
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 2, failedKeys: 1, waitingKeys: 1 })
    expect((await inner.list()).keys).toEqual([...stuck])
    expect((await blobs.usage(alice)).pending).toBeGreaterThan(0)
    expect(attempts).toBe(1)
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 0, failedKeys: 1, waitingKeys: 1 })
    expect(await blobs.sweep(), 'it has its row').toMatchObject({ keys: 1, orphans: 0 })

    stuck.clear()
    clock.advance(7 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1, failedKeys: 0, waitingKeys: 0 })
    expect((await inner.list()).keys).toEqual([])
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
  })

  test('loses no tombstone when the backend answers nothing at all', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    let failing = true
    const blobs = store({
      backend: meddle(inner, {
        async delete(keys, options) {
          if (failing) throw new BlobStoreError('StorageFailed', 'no answer', { transient: true })
          return inner.delete(keys, options)
        },
      }),
    })
    await blobs.upload(alice, bytes('x'))
    clock.advance(2 * day)
    await blobs.collect()
    clock.advance(2 * day)
    // Whether it rejects or reports is not defined; nothing may be forgotten.
    await blobs.collect().then(
      (report) => expect(report).toMatchObject({ deletedKeys: 0, failedKeys: 1, waitingKeys: 1 }),
      (error) => expect(error).toMatchObject({ code: 'StorageFailed' }),
    )
    expect((await inner.list()).keys).toHaveLength(1)
    failing = false
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1, waitingKeys: 0 })
    expect((await inner.list()).keys).toEqual([])
  })

  test('counts a deletion whose response was lost', async () => {
    const { store, clock, backend } = make()
    const inner = backend()
    let deaf = true
    const blobs = store({
      backend: meddle(inner, {
        async delete(keys, options) {
          const failed = await inner.delete(keys, options)
          if (deaf) throw new BlobStoreError('StorageFailed', 'the answer was lost', { transient: true })
          return failed
        },
      }),
    })
    await blobs.upload(alice, bytes('x'))
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect().catch(() => {})
    }
    deaf = false
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ waitingKeys: 0, failedKeys: 0 })
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
  })

  test('may run while blobs are uploaded and referenced, and deletes only what is unreferenced', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { grace: hour, deleteDelay: hour, fresh: hour } })
    const kept: BlobRef[] = []
    for (let round = 0; round < 12; round++) {
      const refs: BlobRef[] = []
      for (let index = 0; index < 3; index++) refs.push(await blobs.upload(alice, bytes(`${round % 4} ${index}`)))
      clock.advance(2 * hour)
      const rkeys = refs.map((_, index) => `round ${round} ${index}`)
      const [, ...written] = await Promise.allSettled([
        blobs.collect(),
        ...refs.map((ref, index) => post(blobs, alice, rkeys[index] as string, ref)),
        blobs.upload(bob, bytes(`${round % 4} 0`)),
        blobs.collect(),
      ])
      for (const [index, ref] of refs.entries()) {
        if (written[index]?.status === 'fulfilled') kept.push(ref)
        else expect(written[index]).toMatchObject({ reason: { code: 'BlobNotFound' } })
      }
    }
    clock.advance(2 * day)
    await blobs.collect()
    await blobs.collect()
    expect(kept.length).toBeGreaterThan(0)
    for (const { ref, size } of kept) expect(await (await blobs.read(alice, ref)).bytes()).toHaveLength(size)
  })

  test('refuses invalid options', async () => {
    const blobs = make().store()
    await expect(blobs.collect({ Force: true } as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expect(blobs.collect(null as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
  })
})

test('a hundred referenced blobs, all older than the grace period, do not stop a collection', async () => {
  const { store, clock } = memoryPlace()
  const blobs = store()
  const refs: BlobRef[] = []
  for (let index = 0; index < 105; index++) refs.push(await blobs.upload(alice, bytes(`blob ${index}`)))
  await post(blobs, alice, 'all', ...refs)
  await blobs.upload(alice, bytes('temporary'))
  clock.advance(2 * day)
  expect(await blobs.collect()).toEqual({ ...nothing, expiredBlobs: 1, waitingKeys: 1 })
})

test('one collection deletes everything that is due, in as many steps as needed', async () => {
  const { store, clock } = memoryPlace()
  const blobs = store()
  const count = 1010
  for (let index = 0; index < count; index++) await blobs.upload(alice, bytes(`${index % 10}`.repeat(1 + index)))
  clock.advance(2 * day)
  expect(await blobs.collect({ force: true })).toMatchObject({ expiredBlobs: count, waitingKeys: count })
  clock.advance(2 * day)
  expect(await blobs.collect()).toMatchObject({ deletedKeys: count, waitingKeys: 0 })
})

describe.each(places.slice(1))('collect by two stores in $name', ({ make }) => {
  test('at the same time does the work once', async () => {
    const { store, clock, backend } = make()
    const stores = [store(), store()] as const
    const [one, two] = stores
    for (let index = 0; index < 120; index++) await one.upload(alice, bytes(`blob ${index}`))
    const kept = await posted(two, alice, 'kept')
    clock.advance(2 * day)
    const expired = await Promise.all(stores.map((blobs) => blobs.collect({ force: true })))
    expect((expired[0]?.expiredBlobs ?? 0) + (expired[1]?.expiredBlobs ?? 0)).toBe(120)
    expect(await one.usage(alice)).toEqual({ bytes: 4, count: 1, reserved: 0, pending: expect.any(Number) })
    clock.advance(2 * day)
    await Promise.all(stores.map((blobs) => blobs.collect()))
    expect((await backend().list()).keys).toHaveLength(1)
    expect(await one.usage(alice)).toEqual({ bytes: 4, count: 1, reserved: 0, pending: 0 })
    expect(await text((await one.read(alice, kept.ref)).body)).toBe('kept')
    expect(await two.collect()).toEqual(nothing)
  })
})

/** Uploaded, and referenced by a record whose key is its content. */
async function posted(blobs: BlobStore, did: string, content: string): Promise<BlobRef> {
  const ref = await blobs.upload(did, bytes(content))
  await post(blobs, did, content, ref)
  return ref
}

describe('collecting when a backend is down', () => {
  function downPlace(remove: (calls: number) => Promise<Map<string, Error>>) {
    const { store, clock, backend } = memoryPlace()
    let calls = 0
    const inner = backend()
    const logged: object[] = []
    const logger = { info() {}, error() {}, warn: (details: object) => logged.push(details) }
    const meddled = meddle(inner, { delete: async () => remove(++calls) })
    return {
      blobs: store({ backend: meddled, logger, times: { grace: 0, deleteDelay: 0 } }),
      clock,
      logged,
      calls: () => calls,
    }
  }

  /** So many keys that are due. */
  async function doom(blobs: BlobStore, count: number): Promise<void> {
    for (let at = 0; at < count; at += 100) {
      const some = Array.from({ length: Math.min(100, count - at) }, (_, index) => bytes(`${at + index}`))
      await Promise.all(some.map((one) => blobs.upload(alice, one, { enforceLimits: false })))
    }
  }

  // Fails when postponed keys are due again in the same run, which never ends if a failure takes longer than that.
  test('ends, calls it once, and logs one line', async () => {
    const { blobs, clock, logged, calls } = downPlace(async () => {
      clock.advance(4 * minute)
      throw new BlobStoreError('StorageFailed', 'timed out', { transient: true })
    })
    await doom(blobs, 2500)
    clock.advance(minute)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 2500, failedKeys: 2500, waitingKeys: 2500 })
    expect(calls()).toBe(1)
    const failures = logged.filter((details) => 'failed' in details)
    expect(failures).toHaveLength(3)
    expect(failures[0]).toMatchObject({ failed: 1000, keys: { length: 3 } })
  }, 60_000)

  // Fails when the call is awaited whatever the signal says.
  test('can be stopped while a call of the backend never settles', async () => {
    const { blobs, clock } = downPlace(() => new Promise(() => {}))
    await doom(blobs, 1)
    clock.advance(minute)
    const stopping = new AbortController()
    const collected = blobs.collect({
      signal: stopping.signal,
      onProgress: () => setTimeout(() => stopping.abort('enough'), 50),
    })
    await expect(collected).rejects.toBe('enough')
    await blobs.close()
  })
})
