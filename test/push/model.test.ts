import { expect, inject, test } from 'vitest'
import { diskPlace, memoryPlace, postgresPlace, s3PostgresPlace } from '../model/places.ts'
import { expectModelled, settings } from '../model/property.ts'

// The sequences of test/model/commands.test.ts, more of them, and on disk. How many commands at least: six standard
// deviations below the 50 that a sequence has on average.

test('a store in memory behaves as the model', async () => {
  expect(await expectModelled(() => memoryPlace(settings), 1000)).toBeGreaterThan(44_000)
})

test('a store on disk and an SQLite file behaves as the model', async () => {
  expect(await expectModelled(() => diskPlace(settings), 200)).toBeGreaterThan(7_500)
})

test('a store with its metadata in PostgreSQL behaves as the model', async () => {
  expect(await expectModelled(() => postgresPlace(settings), 100)).toBeGreaterThan(3_200)
})

const s3 = inject('s3')
test.skipIf(!s3)('a store with its bytes in S3 and its metadata in PostgreSQL behaves as the model', async () => {
  if (s3) expect(await expectModelled(() => s3PostgresPlace(settings, s3), 50)).toBeGreaterThan(1_200)
})
