import { expect, test } from 'vitest'
import { runTrial } from '../trials/run-trial.ts'

// Several processes on one store for a while: see test/trials/soak/soak.ts.
//
// Fails when an operation keeps memory or a descriptor, as the second test shows, and when collecting deletes what a
// record references.

test('a soak loses nothing, and memory and descriptors do not grow', async () => {
  const { status, output } = await runTrial('soak', 5, '--minutes', '0.35')
  expect(output).toContain('lost 0, orphans 0, other faults 0')
  expect(output).toMatch(/events \d{3}/)
  expect(status).toBe(0)
})

test('a soak of a process that leaks reports it', async () => {
  const { status, output } = await runTrial('soak', 5, '--minutes', '0.2', '--break', 'leak')
  expect(output).toMatch(/reader: live memory from \d+ MiB to \d+ MiB/)
  expect(output).toMatch(/reader: descriptors from \d+ to \d+/)
  expect(status).toBe(1)
})
