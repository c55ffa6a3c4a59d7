import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { allowanceFor, Interruption } from '../../src/store/upload/interruption.ts'
import { UploadSlots } from '../../src/store/upload/slots.ts'
import { alice, bob } from '../support/samples.ts'

// With a clock that only the test moves.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const [second, minute] = [1000, 60_000]
const GB = 1e9

/**
 * Receives so many bytes in pieces, each after `every` milliseconds; returns what ended it, or null, and after how
 * long.
 */
async function receive(
  size: number,
  { piece, every, busy = 0, minRate = 1024 }: { piece: number; every: number; busy?: number; minRate?: number },
): Promise<{ ended: string | null; after: number }> {
  const limits = { idle: 30 * second, total: 30 * minute, allowance: allowanceFor(size), minRate }
  using interruption = new Interruption(limits, [])
  const start = Date.now()
  for (let come = 0; come < size && !interruption.signal.aborted; come += piece) {
    interruption.waiting()
    await vi.advanceTimersByTimeAsync(every)
    if (interruption.signal.aborted) break
    interruption.heard(piece)
    await vi.advanceTimersByTimeAsync(busy)
  }
  const { aborted, reason } = interruption.signal
  return { ended: aborted ? reason.message : null, after: Date.now() - start }
}

describe('an upload', () => {
  // Fails when `times.upload` ends every upload: it would be cut after 30 of 133 minutes.
  test('of 2 GB over 2 Mbit/s is received', async () => {
    const { ended, after } = await receive(2 * GB, { piece: 5_000_000, every: 20 * second })
    expect(ended).toBeNull()
    expect(after).toBeGreaterThan(2 * 60 * minute)
  })

  test('that is slower has the total time, and no more', async () => {
    // 4 KB a second: its bytes allow for 3 per cent more.
    const { ended, after } = await receive(GB, { piece: 40_000, every: 10 * second })
    expect(ended).toContain('took longer than 1800000 ms')
    expect(after).toBeGreaterThan(30 * minute)
    expect(after).toBeLessThan(32 * minute)
  })

  // Fails without the rate in `heard`: it would hold its slot for 30 minutes.
  test('with a byte every 20 seconds is ended after a minute', async () => {
    const { ended, after } = await receive(GB, { piece: 1, every: 20 * second })
    expect(ended).toMatch(/sent 3 bytes in 60000 ms/)
    expect(after).toBe(minute)
    expect((await receive(1000, { piece: 1, every: second, minRate: 0 })).ended).toBeNull()
  })

  // Fails when the time for writing counts: the client would be blamed for a slow disk.
  test('is not charged for the time that the store takes', async () => {
    const { ended } = await receive(3_600_000, { piece: 60_000, every: 2 * second, busy: 20 * second, minRate: 20_000 })
    expect(ended).toBeNull()
  })

  test('that sends nothing is ended after the allowed silence', async () => {
    const { ended, after } = await receive(GB, { piece: 1, every: 31 * second })
    expect(ended).toContain('sent nothing for 30000 ms')
    expect(after).toBe(31 * second)
  })
})

describe('upload slots', () => {
  // Four accounts once held all slots for half an hour.
  test('are given to an account that comes last', () => {
    const slots = new UploadSlots({ account: 64, total: 256 })
    const slow = [0, 1, 2, 3].flatMap((n) => Array.from({ length: 64 }, () => slots.take(`did:plc:sybil${n}`)))
    for (let n = 0; n < 51; n++) slots.take(alice)
    const lost = slow.filter(({ signal }) => signal.aborted)
    expect(lost.length).toBe(51)
    expect(() => slots.take(alice), 'a fifth of 256 is the share of each').toThrow('256 blobs are being uploaded')
    slots.take(bob)
  })

  test('are not taken from an upload whose bytes have all arrived, and are released once', () => {
    const slots = new UploadSlots({ account: 3, total: 3 })
    const [first, second, third] = [slots.take(alice), slots.take(alice), slots.take(alice)]
    second.received()
    third.received()
    const other = slots.take(bob)
    expect([first, second, third].map(({ signal }) => signal.aborted)).toEqual([true, false, false])
    first[Symbol.dispose]()
    expect(() => slots.take(bob), 'the one that was given up counts no more').toThrow('blobs are being uploaded')
    other[Symbol.dispose]()
    slots.take(bob)
    expect(() => slots.take(bob)).toThrow('blobs are being uploaded')
  })
})
