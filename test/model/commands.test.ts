import { expect, test } from 'vitest'
import { memoryPlace, postgresPlace } from './places.ts'
import { expectModelled, settings } from './property.ts'

// Random sequences of a host's calls, compared step by step with a model that knows only the contract.
//
// Fails when the store promises one thing and does another: an expiry that is not renewed (upload-steps.ts, `prolong`),
// an expected reference that is not met, a takedown or a scope that is forgotten in one of the queries.

test('a store in memory behaves as the model', async () => {
  const commands = await expectModelled(() => memoryPlace(settings), 100)
  expect(commands).toBeGreaterThan(3000)
}, 60_000)

test('a store with its metadata in PostgreSQL behaves as the model', async () => {
  const commands = await expectModelled(() => postgresPlace(settings), 8)
  expect(commands).toBeGreaterThan(100)
}, 60_000)
