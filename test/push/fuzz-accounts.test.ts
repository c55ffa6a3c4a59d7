import { expect, test } from 'vitest'
import { compareLives } from '../security/accounts.ts'
import { raceTakedowns } from '../security/races.ts'
import { Random } from '../support/random.ts'

// Rows 21 and 29 of the table of attacks, 1,000 times each (FUZZ_PAIRS); test/security says what makes them fail.

const { FUZZ_SEED: seed = String(Math.floor(Math.random() * 1e9)), FUZZ_PAIRS = '1000' } = process.env
const pairs = Number(FUZZ_PAIRS)

test('a blob that is taken down during an upload is neither served nor stored afterwards', async () => {
  const random = new Random(seed)
  const tally = await raceTakedowns(pairs, (below) => random.below(below))
  expect(tally.taken, `seed ${seed}`).toBeGreaterThan(pairs / 10)
  expect(tally.refused, `seed ${seed}`).toBeGreaterThan(pairs / 10)
})

test('two accounts do not affect each other, whatever they do', async () => {
  await compareLives(pairs, Number(seed))
})
