import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type BlobStore, type CollectReport, type SweepReport, startJanitor } from '../../src/index.ts'
import { Gate } from '../support/meddling.ts'
import { places } from '../support/places.ts'
import { alice, bytes, day } from '../support/samples.ts'

const minute = 60_000

describe('the janitor', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const collected: CollectReport = {
    expiredBlobs: 1,
    stopped: false,
    heldBlobs: 0,
    expiredUploads: 0,
    deletedKeys: 0,
    deletedBytes: 0,
    failedKeys: 0,
    waitingKeys: 0,
  }
  const swept: SweepReport = { keys: 1, orphans: 0, stopped: false, spools: 0 }

  /** A store that notes when it was asked for what. */
  function stub(work: { collect?: () => Promise<void>; sweep?: () => Promise<void> } = {}) {
    const calls: string[] = []
    const start = Date.now()
    const at = (what: string) => void calls.push(`${what} ${(Date.now() - start) / minute}`)
    const blobs = {
      async collect() {
        at('collect')
        await work.collect?.()
        return collected
      },
      async sweep() {
        at('sweep')
        await work.sweep?.()
        return swept
      },
    } as unknown as BlobStore
    return { blobs, calls }
  }

  test('collects every five minutes, and sweeps after the first collection and then daily', async () => {
    const { blobs, calls } = stub()
    const janitor = startJanitor(blobs)
    await vi.advanceTimersByTimeAsync(5 * minute - 1)
    expect(calls).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(calls).toEqual(['collect 5', 'sweep 5'])
    await vi.advanceTimersByTimeAsync(10 * minute)
    expect(calls).toEqual(['collect 5', 'sweep 5', 'collect 10', 'collect 15'])
    await vi.advanceTimersByTimeAsync(day)
    const sweeps = calls.filter((call) => call.startsWith('sweep'))
    expect(sweeps).toHaveLength(2)
    expect(calls.length).toBeGreaterThan(280)
    await janitor.stop()
  })

  // Red when a sweep that failed is tried again with each collection: each lists all of a backend that has trouble already.
  test('waits longer and longer for a sweep that fails, and no longer than a day', async () => {
    const { blobs, calls } = stub({ sweep: async () => Promise.reject(new Error('no list')) })
    const janitor = startJanitor(blobs, { logger: { info() {}, warn() {}, error() {} } })
    await vi.advanceTimersByTimeAsync(80 * minute)
    const sweeps = calls.filter((call) => call.startsWith('sweep'))
    expect(sweeps).toEqual(['sweep 5', 'sweep 15', 'sweep 35', 'sweep 75'])
    expect(calls.filter((call) => call.startsWith('collect'))).toHaveLength(16)
    await vi.advanceTimersByTimeAsync(10 * day)
    const later = calls.filter((call) => call.startsWith('sweep')).length
    await vi.advanceTimersByTimeAsync(2 * day)
    expect(calls.filter((call) => call.startsWith('sweep')).length - later).toBe(2)
    await janitor.stop()
  })

  test('keeps the times that it is given, and tells what was done', async () => {
    const { blobs, calls } = stub()
    const [onCollected, onSwept] = [vi.fn(), vi.fn()]
    const janitor = startJanitor(blobs, {
      collectEvery: minute,
      sweepEvery: 3 * minute,
      onCollected,
      onSwept,
    })
    await vi.advanceTimersByTimeAsync(6 * minute + 1)
    expect(calls.filter((call) => call.startsWith('collect'))).toEqual([1, 2, 3, 4, 5, 6].map((at) => `collect ${at}`))
    expect(calls.filter((call) => call.startsWith('sweep'))).toEqual(['sweep 1', 'sweep 4'])
    expect(onCollected).toHaveBeenCalledTimes(6)
    expect(onCollected).toHaveBeenLastCalledWith(collected)
    expect(onSwept).toHaveBeenCalledTimes(2)
    expect(onSwept).toHaveBeenLastCalledWith(swept)
    await janitor.stop()
  })

  test('does one after the other, however long it takes', async () => {
    let running = 0
    const work = async (): Promise<void> => {
      running += 1
      expect(running).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 10 * minute))
      running -= 1
    }
    const { blobs, calls } = stub({ collect: work, sweep: work })
    const janitor = startJanitor(blobs, { collectEvery: minute, sweepEvery: 30 * minute })
    await vi.advanceTimersByTimeAsync(100 * minute)
    expect(calls.filter((call) => call.startsWith('collect')).length).toBeGreaterThan(4)
    expect(calls.filter((call) => call.startsWith('sweep')).length).toBeGreaterThan(1)
    const stopping = janitor.stop()
    await vi.advanceTimersByTimeAsync(30 * minute)
    await stopping
    expect(running).toBe(0)
  })

  test('tells of what failed, and goes on', async () => {
    const error = new Error('disk on fire')
    const { blobs, calls } = stub({ collect: () => Promise.reject(error), sweep: () => Promise.reject(error) })
    const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const janitor = startJanitor(blobs, { collectEvery: minute, sweepEvery: 2 * minute, logger })
    await vi.advanceTimersByTimeAsync(5 * minute)
    expect(calls.filter((call) => call.startsWith('collect'))).toHaveLength(5)
    expect(calls.filter((call) => call.startsWith('sweep')).length).toBeGreaterThan(1)
    const told = [...logger.warn.mock.calls, ...logger.error.mock.calls]
    expect(told.length).toBeGreaterThanOrEqual(5)
    expect(told.some(([details]) => Object.values(details).includes(error))).toBe(true)
    await janitor.stop()

    const silent = startJanitor(blobs, { collectEvery: minute })
    await vi.advanceTimersByTimeAsync(3 * minute)
    await silent.stop()
  })

  test('goes on when who is told throws', async () => {
    const { blobs, calls } = stub()
    const onCollected = () => {
      throw new Error('no')
    }
    const janitor = startJanitor(blobs, { collectEvery: minute, onCollected, onSwept: onCollected })
    await vi.advanceTimersByTimeAsync(4 * minute)
    expect(calls.filter((call) => call.startsWith('collect'))).toHaveLength(4)
    await janitor.stop()
  })

  test('stops, and waits for what is under way', async () => {
    const gate = new Gate()
    const { blobs, calls } = stub({ collect: () => gate.pass() })
    const janitor = startJanitor(blobs, { collectEvery: minute })
    await vi.advanceTimersByTimeAsync(minute)
    expect(calls).toEqual(['collect 1'])
    let stopped = false
    const stopping = janitor.stop().then(() => {
      stopped = true
    })
    await vi.advanceTimersByTimeAsync(minute)
    expect(stopped).toBe(false)
    gate.open()
    await stopping
    await vi.advanceTimersByTimeAsync(day)
    expect(calls, 'nothing is begun any more').toEqual(['collect 1'])
    await janitor.stop()
    await janitor[Symbol.asyncDispose]()
  })

  test('stops before it ever began', async () => {
    const { blobs, calls } = stub()
    await startJanitor(blobs).stop()
    await startJanitor(blobs)[Symbol.asyncDispose]()
    await vi.advanceTimersByTimeAsync(2 * day)
    expect(calls).toEqual([])
  })

  test('refuses invalid options', () => {
    const { blobs } = stub()
    expect(() => startJanitor(Promise.resolve(blobs) as never)).toThrow(
      'startJanitor: the first argument must be the store',
    )
    for (const options of [{ every: 5 }, { collectEvery: 0 }, { sweepEvery: -1 }, { collectEvery: '5m' }, null]) {
      const start = () => startJanitor(blobs, options as never)
      expect(start, JSON.stringify(options)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
  })
})

test('the janitor keeps no process alive', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const janitors = Array.from({ length: 20 }, () => startJanitor({ collect: async () => {} } as unknown as BlobStore))
  expect(timers() - before).toBeLessThan(20)
  for (const janitor of janitors) await janitor.stop()
})

describe.each(places)('the janitor of $name', ({ make }) => {
  test('keeps a store in order', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    await blobs.upload(alice, bytes('temporary'))
    const errors: unknown[] = []
    const logger = { info() {}, warn: (details: object) => errors.push(details), error() {} }
    const janitor = startJanitor(blobs, { collectEvery: 10, sweepEvery: 20, logger })
    clock.advance(2 * day)
    await expect.poll(() => blobs.usage(alice), { interval: 10 }).toMatchObject({ count: 0 })
    clock.advance(2 * day)
    await expect.poll(async () => (await backend().list()).keys, { interval: 10 }).toEqual([])
    await janitor.stop()
    expect(errors).toEqual([])
  })
})
