import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { IdleTimeout } from '../../../src/backend/remote/idle-timeout.ts'

const timeouts = { bytes: 10, answer: 100 }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a response may take longer than the next byte, and a slow caller is never timed out', () => {
  using idle = new IdleTimeout(timeouts, undefined)
  vi.advanceTimersByTime(99)
  for (let piece = 0; piece < 20; piece++) {
    idle.awaitBytes()
    vi.advanceTimersByTime(9)
  }
  idle.pause()
  vi.advanceTimersByTime(10_000)
  idle.awaitAnswer()
  vi.advanceTimersByTime(99)
  expect(idle.signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(idle.signal.reason).toMatchObject({ name: 'TimedOut' })
})

test('a request that has ended leaves neither a timer nor a listener, even if its body is still read', () => {
  const abort = new AbortController()
  const idle = new IdleTimeout(timeouts, abort.signal)
  idle[Symbol.dispose]()
  idle.awaitBytes()
  expect(vi.getTimerCount()).toBe(0)
  abort.abort('enough')
  expect(idle.signal.aborted).toBe(false)
})
