import { expect, test } from 'vitest'
import { cellsOf, tryCell } from '../trials/faults/matrix.ts'

// All the cells of test/trials/faults/matrix.test.ts.

test.each([
  ['backend calls', 200],
  ['system calls', 1000],
  ['SQL statements', 2000],
] as const)('a store continues after every fault at each of its %s', async (level, least) => {
  const cells = await cellsOf(level)
  expect(cells.length).toBeGreaterThan(least)
  for (const cell of cells) await tryCell(cell)
})
