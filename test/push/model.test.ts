import { expect, test } from 'vitest'
import { diskPlace, memoryPlace, postgresPlace } from '../model/places.ts'
import { expectModelled, settings } from '../model/property.ts'

// The sequences of test/model/commands.test.ts, more of them, and on disk.

test('a store in memory does what the model says', async () => {
  expect(await expectModelled(() => memoryPlace(settings), 1000)).toBeGreaterThan(40_000)
})

test('a store on disk and an SQLite file does what the model says', async () => {
  expect(await expectModelled(() => diskPlace(settings), 200)).toBeGreaterThan(8_000)
})

test('a store with its facts in PostgreSQL does what the model says', async () => {
  expect(await expectModelled(() => postgresPlace(settings), 100)).toBeGreaterThan(4_000)
})
