import { setImmediate } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { EventLoopBudget } from '../../../src/backend/disk/event-loop-budget.ts'
import { sys } from '../../../src/backend/files/system-calls.ts'
import { collect, putBlob } from '../../../src/testing/blobs.ts'
import { newRoot, openDisk } from './fixture.ts'

// Which calls run on the event loop, and which on threads. Fails when waits are not compensated, and when calls on the
// loop keep it from turning.

/** What a call costs the loop if a thread makes it, in milliseconds. */
const trip = 0.025

/** A clock that stands still unless it is moved, in milliseconds. */
function manualClock(): { now: number } {
  const clock = { now: 0 }
  vi.spyOn(performance, 'now').mockImplementation(() => clock.now)
  onTestFinished(() => void vi.restoreAllMocks())
  return clock
}

/** Calls on a clock of their own, where a call on the loop takes as long as `wait` says. */
async function spend(calls: number, wait: (call: number) => number) {
  const clock = manualClock()
  const budget = new EventLoopBudget()
  let atOnce = 0
  for (let call = 0; call < calls; call++) {
    await budget.run(async (isAtOnce) => {
      if (isAtOnce) atOnce += 1
      clock.now += isAtOnce ? wait(call) : trip
    })
  }
  return { atOnce, spent: clock.now / (calls * trip) }
}

describe('calls on the event loop', () => {
  test('are all those that the kernel answers from its cache', async () => {
    expect(await spend(1000, () => 0.01)).toMatchObject({ atOnce: 1000 })
  })

  test.each([0.05, 0.2, 1, 10, 40])(
    'take the loop at most a quarter more than threads do, where all wait %d ms',
    async (wait) => {
      const { atOnce, spent } = await spend(20_000, () => wait)
      expect(atOnce).toBeGreaterThan(0) // otherwise it would not notice that the disk is fast again
      expect(spent).toBeLessThanOrEqual(1.35)
    },
  )

  test('take the loop less than threads do, where a hundredth waits 0.2 ms', async () => {
    expect((await spend(20_000, (call) => (call % 100 === 0 ? 0.2 : 0.005))).spent).toBeLessThan(1)
  })

  test('let the loop turn', async () => {
    const budget = new EventLoopBudget()
    let turned = false
    void setImmediate().then(() => {
      turned = true
    })
    let calls = 0
    // The trip to a thread and back, which a wait of this process may ask for, takes a turn itself.
    const call = async (atOnce: boolean) => (atOnce ? undefined : setImmediate())
    for (; !turned && calls < 10_000; calls++) await budget.run(call)
    expect(calls).toBeLessThan(100)
  })
})

test('a small blob is read on the loop, and by threads after a wait', async () => {
  const clock = manualClock()
  const backend = await openDisk(newRoot())
  const blob = await putBlob(backend, 1000)
  const { openToRead, read } = sys
  const calls: string[] = []
  let wait = 0
  vi.spyOn(sys, 'openToRead').mockImplementation((path, atOnce) => {
    calls.push(atOnce ? 'open at once' : 'open')
    if (atOnce) clock.now += wait
    return openToRead(path, atOnce)
  })
  vi.spyOn(sys, 'read').mockImplementation((fd, into, length, position, atOnce) => {
    calls.push(atOnce ? 'read at once' : 'read')
    return read(fd, into, length, position, atOnce)
  })
  const callsOfReading = async () => {
    calls.length = 0
    const object = await backend.get(blob.key, { expectedSize: 1000 })
    expect(await collect(object?.body ?? expect.fail())).toEqual(blob.bytes)
    return [...calls]
  }
  expect(await callsOfReading()).toEqual(['open at once', 'read at once'])
  wait = 5
  expect(await callsOfReading()).toEqual(['open at once', 'read'])
  wait = 0
  let byThreads = 1
  for (; (await callsOfReading())[0] === 'open' && byThreads < 1000; byThreads++)
    expect(calls).toEqual(['open', 'read'])
  expect(2 * trip * byThreads).toBeCloseTo(4 * 5, 0)
})
