import { describe, expect, test } from 'vitest'
import { SingleFlight } from '../../src/images/single-flight.ts'
import { createImageHandler } from '../../src/images.ts'
import type { BlobBackend } from '../../src/index.ts'
import { alice } from '../http/place.ts'
import { decoder } from './decoders/decoder.ts'
import { openImages, picture } from './place.ts'

/** Work that ends when the test says so, and counts how often it was started. */
function work() {
  const begun: AbortSignal[] = []
  const { promise, resolve } = Promise.withResolvers<string>()
  const start = (signal: AbortSignal) => {
    begun.push(signal)
    return Promise.race([promise, new Promise<never>((_resolve, reject) => signal.addEventListener('abort', reject))])
  }
  return { begun, start, finish: () => resolve('done') }
}

describe('work that many ask for', () => {
  test('is done once while it is under way, and again afterwards', async () => {
    const flights = new SingleFlight<string, string>((name) => name)
    const { begun, start, finish } = work()
    const all = Array.from({ length: 100 }, () => flights.run('a', undefined, start))
    finish()
    expect(new Set(await Promise.all(all))).toEqual(new Set(['done']))
    expect(begun).toHaveLength(1)
    await flights.run('a', undefined, start)
    expect(begun).toHaveLength(2)
  })

  test('goes on when one who waits leaves, and ends with the last', async () => {
    const flights = new SingleFlight<string, string>((name) => name)
    const { begun, start, finish } = work()
    const [one, two] = [new AbortController(), new AbortController()]
    const first = flights.run('a', one.signal, start)
    const second = flights.run('a', two.signal, start)
    one.abort(new Error('one left'))
    await expect(first).rejects.toThrow('one left')
    expect(begun[0]?.aborted).toBe(false)
    two.abort(new Error('two left'))
    await expect(second).rejects.toThrow('two left')
    expect(begun[0]?.aborted).toBe(true)
    // A new caller does not get what was aborted.
    const third = flights.run('a', undefined, start)
    finish()
    expect(await third).toBe('done')
    expect(begun).toHaveLength(2)
  })

  test('that fails fails for all, and is tried again', async () => {
    const flights = new SingleFlight<string, string>((name) => name)
    let times = 0
    const start = async () => {
      times += 1
      throw new Error('failed')
    }
    const all = await Promise.allSettled([1, 2, 3].map(() => flights.run('a', undefined, start)))
    expect(all.every((one) => one.status === 'rejected')).toBe(true)
    await expect(flights.run('a', undefined, start)).rejects.toThrow('failed')
    expect(times).toBe(2)
  })
})

describe('200 requests for one variant', () => {
  /** A place that counts how often the blob is opened: for its header, and for decoding. */
  async function counting(sharp?: string) {
    let reads = 0
    const wrap = (backend: BlobBackend) => {
      const { get } = backend
      backend.get = (key, options) => {
        reads += 1
        return get.call(backend, key, options)
      }
      return backend
    }
    const place = await openImages(sharp ? { sharp } : {}, { wrap })
    const cid = await place.publish(alice, await picture(1200, 800).jpeg().toBuffer(), 'image/jpeg')
    return { ...place, cid, reads: () => reads }
  }

  test('generate it once, and so do 200 more', async () => {
    const { images, cache, cid, reads } = await counting()
    const put = cache.put.bind(cache)
    let puts = 0
    cache.put = (...args) => {
      puts += 1
      return put(...args)
    }
    const handler = createImageHandler(images)
    const url = `http://pds.example/img/feed_thumbnail/plain/${alice}/${cid}`
    for (let round = 0; round < 2; round++) {
      const responses = await Promise.all(Array.from({ length: 200 }, () => handler(new Request(url))))
      const bodies = await Promise.all(responses.map(async (one) => Buffer.from(await one.arrayBuffer())))
      expect(new Set(responses.map((one) => one.status))).toEqual(new Set([200]))
      expect(bodies.every((body) => body.equals(bodies[0] as Buffer))).toBe(true)
    }
    expect([reads(), puts]).toEqual([2, 1])
  })

  test('of which all but one leave still generate it, once', async () => {
    const { images, cid, reads } = await counting(decoder('slow'))
    const waiters = Array.from({ length: 200 }, () => new AbortController())
    const all = waiters.map(({ signal }) => images.variant(alice, cid, 'avatar', { signal }))
    const settled = Promise.allSettled(all)
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (const waiter of waiters.slice(1)) waiter.abort(new Error('left'))
    const kinds = (await settled).map((one) => one.status)
    expect(kinds.filter((kind) => kind === 'fulfilled')).toHaveLength(1)
    expect(reads()).toBe(2)
  })
})
