import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { steps, World } from './accounts.ts'

// Rows 7 and 29 of the table of attacks; 10,000 of them on every push. Alice lives the same life with Bob, who has the
// same bytes, and without him, and sees the same. Goes red when a statement forgets the DID in its condition, or when
// bytes that another account has are deleted, charged or shown.

test('nothing that one account does is seen by another that has the same bytes', async () => {
  const world = new World()
  onTestFinished(() => world.blobs.close())
  const sameAlone = fc.asyncProperty(steps, async (all) => {
    expect(await world.lifeOfAlice(all, true)).toEqual(await world.lifeOfAlice(all, false))
  })
  await fc.assert(sameAlone, { numRuns: 150 })
})
