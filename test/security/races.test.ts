import { expect, test } from 'vitest'
import { Random } from '../support/random.ts'
import { raceTakedowns } from './races.ts'

// Row 21 of the table of attacks; 10,000 of them on every push. Fails when the takedown is not checked in the
// transaction of the commit, of the reference, or of the read.

test('a blob that was taken down is never served, and not stored again, whenever the takedown meets an upload', async () => {
  const random = new Random('21')
  const tally = await raceTakedowns(200, (below) => random.below(below))
  expect(tally.taken).toBeGreaterThan(15)
  expect(tally.refused).toBeGreaterThan(15)
  expect(tally.served).toBeGreaterThan(15)
})
