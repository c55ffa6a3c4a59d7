import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { Random } from '../fuzz/random.ts'
import { steps, World } from '../security/accounts.ts'
import { raceTakedowns } from '../security/races.ts'

// Rows 21 and 29 of the table of attacks, 10,000 times each; see test/security for what makes them fail.

const { FUZZ_SEED: seed = String(Math.floor(Math.random() * 1e9)) } = process.env

test('10,000 takedowns meet uploads, and none is served or taken in afterwards', async () => {
  const random = new Random(Number(seed))
  const tally = await raceTakedowns(10_000, (below) => random.int(below))
  expect(tally.taken, `seed ${seed}`).toBeGreaterThan(1000)
  expect(tally.refused, `seed ${seed}`).toBeGreaterThan(1000)
})

test('10,000 lives of two accounts are none of each other’s business', async () => {
  const world = new World()
  onTestFinished(() => world.blobs.close())
  const sameAlone = fc.asyncProperty(steps, async (all) => {
    expect(await world.lifeOfAlice(all, true)).toEqual(await world.lifeOfAlice(all, false))
  })
  await fc.assert(sameAlone, { numRuns: 10_000, seed: Number(seed) })
})
