import { expect, test } from 'vitest'
import { MemoryBudget, smallSize } from '../../../src/backend/remote/held-bytes.ts'

test('memory for small blobs that no reader reads is limited', () => {
  const budget = new MemoryBudget()
  const rooms = []
  for (let room = budget.take(smallSize); room !== null; room = budget.take(smallSize)) rooms.push(room)
  expect(rooms.length).toBe(64)
  expect(budget.take(1)).toBeNull()
  rooms[0]?.giveBack()
  rooms[0]?.giveBack()
  expect(budget.take(smallSize)).not.toBeNull()
  expect(budget.take(1)).toBeNull()
  expect(new MemoryBudget().take(smallSize + 1)).toBeNull()
})
