import { join } from 'node:path'
import { expect, test } from 'vitest'
import { backendConformance } from '../../src/testing.ts'
import { nodeTest } from './node-test.ts'

test('the backend of the example keeps every sentence of the contract, over HTTP', { timeout: 130_000 }, async () => {
  const summary = await nodeTest(join(import.meta.dirname, '../../examples/backend/http-backend.test.ts'))
  expect(summary).toContain(`\n# pass ${backendConformance.length}\n# fail 0`)
})
