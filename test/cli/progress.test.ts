import { describe, expect, test } from 'vitest'
import { type Done, Progress } from '../../src/cli/progress.ts'
import { Screen } from './screen.ts'

const mebibyte = 1024 * 1024
/** In seconds. */
const day = 86_400

// Fails when the time left is wrong or missing, a line is broken by the width, or a log is flooded.

/** Progress on a screen, by a clock that is set. */
function progressOn(screen: Screen, quiet = false) {
  const clock = { now: 0 }
  const progress = new Progress({ name: 'scrub', stream: screen, quiet, now: () => clock.now })
  const showAt = (seconds: number, done: Done) => {
    clock.now = seconds * 1000
    progress.show(done)
  }
  return { progress, showAt }
}

describe('progress on a terminal', () => {
  test('shows how much is done, how much time is left, and how fast it goes', () => {
    const screen = new Screen(100)
    const { showAt } = progressOn(screen)
    showAt(10, { objects: 1000, of: 10_000, bytes: 20 * mebibyte })
    expect(screen.line).toBe('1,000 of 10,000 (10%) · 2 min left · 20.0 MiB · 2.0 MiB/s')
    showAt(20, { objects: 1000 })
    expect(screen.line).toBe('1,000 done · 50/s')
  })

  test('computes the time left from bytes, if their total is known', () => {
    const screen = new Screen(100)
    const { showAt } = progressOn(screen)
    showAt(10, { objects: 99, of: 100, bytes: 10 * mebibyte, ofBytes: 100 * mebibyte })
    expect(screen.line).toContain('99 of 100 (99%) · 2 min left')
  })

  test('says that the total is a maximum, if some of it may need no work', () => {
    const screen = new Screen(100)
    const { showAt } = progressOn(screen)
    showAt(10, { objects: 10, of: 100, atMost: true })
    expect(screen.line).toBe('10 of at most 100 · at most 2 min left · 1/s')
  })

  test('uses the last half minute, so that quickly skipped objects promise nothing', () => {
    const screen = new Screen(100)
    const { showAt } = progressOn(screen)
    showAt(1, { objects: 9000, of: 10_000 })
    for (let at = 2; at <= 60; at++) showAt(at, { objects: 9000 + at, of: 10_000 })
    expect(screen.line).toBe('9,060 of 10,000 (90%) · 16 min left · 1/s')
  })

  test('is one line, in which no part is cut by the width', () => {
    const screen = new Screen(30)
    const { showAt } = progressOn(screen)
    showAt(10, { objects: 1000, of: 10_000, bytes: 20 * mebibyte })
    expect(screen.line).toBe('1,000 of 10,000 (10%)')
    showAt(11, { objects: 5, of: 10, bytes: 5 })
    expect(screen.line).toBe('5 of 10 (50%) · 11 s left')
    expect(screen.lines).toBe(1)
  })

  test('is drawn at most ten times a second, and cleared for other output', () => {
    const screen = new Screen(80)
    const { progress, showAt } = progressOn(screen)
    for (let at = 0; at < 1000; at++) showAt(at / 1000, { objects: at })
    expect(screen.writes).toBe(10)
    progress.clear()
    expect(screen.line).toBe('')
  })
})

describe('progress in a log', () => {
  test('is a plain line every 5 seconds, with the command’s name', () => {
    const screen = new Screen()
    const { progress, showAt } = progressOn(screen)
    for (let at = 0; at <= 11; at++) showAt(at, { objects: at * 10, of: 1000 })
    progress.clear()
    expect(screen.text).toBe(
      'scrub: 50 of 1,000 (5%) · 2 min left · 10/s\nscrub: 100 of 1,000 (10%) · 2 min left · 10/s\n',
    )
  })

  test('does not flood it: after a minute there is a line a minute', () => {
    const screen = new Screen()
    const { showAt } = progressOn(screen)
    for (let at = 0; at < day; at++) showAt(at, { objects: at })
    expect(screen.text.split('\n').length).toBeLessThan(day / 60 + 15)
  })
})

test('quiet shows no progress anywhere', () => {
  for (const screen of [new Screen(80), new Screen()]) {
    const { progress, showAt } = progressOn(screen, true)
    for (let at = 0; at < 100; at++) showAt(at, { objects: at })
    progress.clear()
    expect(screen.text).toBe('')
  }
})
