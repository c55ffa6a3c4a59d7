import { test } from 'vitest'
import { compareLives } from './accounts.ts'

// Rows 7 and 29 of the table of attacks; 10,000 of them on every push. Alice lives the same life with Bob, who has the
// same bytes, and without him, and sees the same. Fails when a statement forgets the DID in its condition, or when
// bytes that another account has are deleted, charged or shown.

test('nothing that one account does is visible to another that has the same bytes', async () => {
  await compareLives(150)
})
