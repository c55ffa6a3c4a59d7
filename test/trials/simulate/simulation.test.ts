import { expect, test } from 'vitest'
import { runTrial } from '../run-trial.ts'

// Lives of a host with its store, each decided by a seed: several processes, paused at any call, crashing at any call,
// on a backend and a database that fail. What must always hold is checked in between, and in the end nothing may be
// left.
//
// Fails when a rule of the protocol is broken: test/push/simulation.test.ts breaks some of them.

test('30 simulated lives lose nothing, and leave nothing', async () => {
  const { output } = await runTrial('simulate', 2, '--seeds', '30', '--jobs', '1')
  expect(output).toMatch(/^seeds 30, operations 9000, steps \d+, crashes \d{2,}, faults \d{3,}, failures 0 in \d+ s\n$/)
}, 130_000)

test('the seed decides everything of a simulated life', async () => {
  const [first, again] = [await runTrial('simulate', 1, '--seed', '11'), await runTrial('simulate', 1, '--seed', '11')]
  expect(first.output.split('\n').length).toBeGreaterThan(2000)
  expect(again.output).toBe(first.output)
}, 130_000)
